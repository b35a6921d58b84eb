import { execFileSync } from 'node:child_process';
import { inNamespace, Netlink, open, type BpfObject, type Link } from 'libbpf-ts';

/** TCX_NEXT: whoever is behind it has its turn. */
const source = `
__attribute__((section("tc"), used)) int somebodys(void *skb) { return -1; }
char somebodys_license[] __attribute__((section("license"), used)) = "GPL";
`;

export type Direction = 'ingress' | 'egress';

/** Programs of somebody else on the hooks of one interface; off when they are disposed of. */
export class ForeignPrograms implements Disposable {
  readonly #bytes: Uint8Array;
  readonly #there: { readonly object: BpfObject; readonly link: Link }[] = [];
  readonly #namespace: string;
  readonly #ifindex: number;

  constructor(space: string, name: string) {
    this.#namespace = `/run/netns/${space}`;
    const words = ['-O2', '-g', '-target', 'bpf', '-x', 'c', '-c', '-o', '-', '-'];
    this.#bytes = execFileSync('clang', words, { input: source });
    using netlink = Netlink.open({ namespace: this.#namespace });
    this.#ifindex = netlink.links().find((link) => link.name === name)?.index ?? 0;
  }

  /** One more, before or behind all that are there: a hook takes each program once. */
  add(direction: Direction, at: 'head' | 'tail'): void {
    using blueprint = open(this.#bytes, { name: 'somebodys' });
    const object = blueprint.load();
    const program = object.program('somebodys');
    const hook = { kind: 'tcx', ifindex: this.#ifindex, direction, position: { at } } as const;
    const link = inNamespace(this.#namespace, () => program.attach(hook));
    this.#there.push({ object, link });
  }

  /** Takes so many off again, those first that came last. */
  remove(count: number): void {
    for (const { object, link } of this.#there.splice(-count)) {
      link[Symbol.dispose]();
      object[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.remove(this.#there.length);
  }
}
