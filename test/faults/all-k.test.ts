import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { FailingCalls } from '../support/failing-calls.js';
import type { Network } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';
import { within } from '../support/slowness.js';
import { after, before } from './all-k/worlds.js';
import { eyeOf, sightOf } from './eye.js';
import { isSoak } from '../support/repetitions.js';

const main = fileURLToPath(new URL('./all-k/life.js', import.meta.url));

const { ENOMEM, EPERM, EBUSY, EAGAIN, EINTR } = constants.errno;
const errors = [ENOMEM, EPERM, EBUSY, EAGAIN, EINTR];
/** In the place of an errno. */
const killed = 0;

/** One life of an agent in which one call goes wrong. */
interface Attempt {
  readonly at: number;
  readonly error: number;
}

/** How many calls of a life go wrong in CI, one in each; all of them in a soak. */
const sampled = { fails: 12, kills: 5 } as const;

calls(
  'F14 whichever call to the kernel fails once: nothing is half done, all is as it should be a moment later, and goes away',
  sampled.fails,
  (place) => errors[place % errors.length] ?? ENOMEM,
  (lives, attempt) => lives.one(attempt),
);

calls(
  'F14 whichever call to the kernel an agent is killed in: what it leaves is safe, and the next one goes on from it',
  sampled.kills,
  () => killed,
  (lives, attempt) => {
    const { status, failed } = lives.one(attempt);
    // it may have ended a call earlier than the one that was counted
    return failed === undefined
      ? { status, failed, problems: status }
      : { ...lives.one({ at: 0, error: 0 }, 'again'), failed };
  },
);

function calls(
  title: string,
  most: number,
  errorAt: (place: number) => number,
  live: (lives: Lives, attempt: Attempt) => Lived,
): void {
  networkTest(
    title,
    async (t, network) => {
      t.timeout(within(isSoak ? 4 * 3_600_000 : 600_000));
      using eye = await eyeOf(
        network,
        [before, after].flatMap(({ blocks }) => Object.entries(blocks)),
      );
      const lives = new Lives(network);
      const whole = lives.one({ at: 0, error: 0 });
      t.is(whole.problems, '[]');
      const { count } = lives.counted;
      t.true(count > 500, `${count} calls`);
      const ran = isSoak ? count : most;
      const flow = network.flow(0.01);
      let failed = 0;
      for (let place = 0; place < ran; place += 1) {
        const attempt = { at: 1 + Math.floor((place * count) / ran), error: errorAt(place) };
        const lived = live(lives, attempt);
        if (lived.failed !== undefined) failed += 1;
        say(t, attempt, lived, network);
      }
      await flow.stop();
      const { seen, clear, mispaired, encapsulated } = await sightOf(eye);
      t.log(`repetitions: F14 ${ran} of ${count}`);
      t.log(`${failed} failed; ${seen} packets on the wire, ${encapsulated} encapsulated`);
      t.deepEqual({ clear, mispaired }, { clear: 0, mispaired: 0 });
      // a life is not always as long as another
      t.true(failed > 0.8 * ran, `only ${failed} of ${ran} calls were made to fail`);
    },
    'cc',
    'python3',
  );
}

function say(t: ExecutionContext, { at, error }: Attempt, lived: Lived, network: Network): void {
  const [name = 'killed'] =
    Object.entries(constants.errno).find(([, number]) => number === error) ?? [];
  const what = lived.failed?.replaceAll(network.name, 'NAME');
  t.is(lived.problems, '[]', `call ${at}, ${String(what)}: ${name}`);
}

interface Lived {
  /** JSON of what went wrong, or what the process said instead. */
  readonly problems: string;
  readonly status: string;
  /** Which call it was; undefined: there were not so many. */
  readonly failed: string | undefined;
}

/** Lives of node-a's agent, one after the other. */
class Lives {
  readonly #calls: FailingCalls;
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
    this.#calls = new FailingCalls(network.scratch);
  }

  get counted(): FailingCalls['counted'] {
    return this.#calls.counted;
  }

  one({ at, error }: Attempt, ...words: readonly string[]): Lived {
    const { manifests } = this.#network;
    const environment = this.#network.environment('a');
    const { ENCAP_BPFFS: pins = '', ENCAP_RUN_DIR: run = '' } = environment;
    mkdirSync(run, { recursive: true });
    const variables = this.#calls.variables(at, error, [pins, run, manifests, '/proc/sys/net']);
    const life = ['env', ...variables, process.execPath, main, manifests, ...words];
    const space = `--net=/run/netns/${this.#network.space('a')}`;
    const child = spawnSync('nsenter', [space, ...life], {
      env: environment,
      encoding: 'utf8',
      timeout: within(150_000),
    });
    const status = `${String(child.status)} ${String(child.signal)}`;
    return {
      problems: child.stdout.trim() || `${status}\n${child.stderr}`,
      status,
      failed: this.#calls.counted.failed,
    };
  }
}
