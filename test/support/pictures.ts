import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dissect } from '../../src/cli/dissect.js';
import { encapsulations } from '../../src/encap/index.js';
import { dotOf } from '../../src/graph/dot.js';
import { graphOf } from '../../src/graph/graph.js';
import { layoutSvg, type Header } from '../../src/graph/layout.js';
import { pathDot } from '../../src/graph/path.js';
import { svgOf } from '../../src/graph/svg.js';
import { inventoryOf } from '../../src/model/assemble.js';
import { readResources } from '../../src/sources/file/read.js';
import { root } from './object.js';
import { fromHex } from './packet.js';

/** Every picture of docs/pictures, by the name of its file. */
export async function pictures(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['crosssubnet.svg', await topology('VXLAN CrossSubnet', 'crosssubnet')],
    [
      'mixed-pools.svg',
      await topology('and IP-in-IP Always beside it', 'crosssubnet', 'ipip-beside'),
    ],
    ['path.svg', await svgOf(pathDot)],
    ['vxlan.svg', packet('vxlan', 'VXLAN to a peer in the same subnet: a TCP SYN')],
    ['ipip.svg', packet('ipip', 'IPIP to a peer in the same subnet: a TCP SYN')],
  ]);
}

async function topology(title: string, ...folders: readonly string[]): Promise<string> {
  const paths = folders.map((folder) => join(root, 'examples', folder));
  const { inventory } = inventoryOf(await readResources(paths), {});
  return svgOf(dotOf(graphOf(inventory), title));
}

interface Frame {
  readonly title: string;
  readonly inner: string;
  readonly outer: string;
}

/** A frame before and after, as scapy made it and the programs have to. */
export function frameCalled(title: string): Frame {
  const frames = JSON.parse(
    readFileSync(join(root, 'test/program/frames.json'), 'utf8'),
  ) as readonly Frame[];
  const found = frames.find((one) => one.title === title);
  if (found === undefined) throw new Error(`no frame is called ${title}`);
  return found;
}

function packet(name: 'vxlan' | 'ipip', title: string): string {
  const { inner, outer } = frameCalled(title);
  const added = encapsulations[name].overheadBytes.ipv4;
  return layoutSvg(`What ${name === 'vxlan' ? 'VXLAN' : 'IP-in-IP'} adds: ${added} bytes`, [
    { title: 'as the workload’s node routes it', headers: headersOf(inner, 0) },
    { title: 'as it leaves the node', headers: asItLeaves(headersOf(outer, added)) },
  ]);
}

/** What the programs leave to the kernel, and what depends on the flow, is no value of one frame. */
function asItLeaves(headers: readonly Header[]): readonly Header[] {
  return headers.map((header, index) => {
    if (index === 0) return { ...header, says: 'to the next hop, type 0x0800' };
    return header.name === 'UDP' ? { ...header, says: 'by flow > 4789, no checksum' } : header;
  });
}

/** The headers of a frame; those of the first `added` bytes behind Ethernet are outer ones. */
export function headersOf(hex: string, added: number): readonly Header[] {
  const [ethernet, ...rest] = dissect(fromHex(hex), 4789);
  let before = 0;
  const behind = rest.map(({ name, says, bytes }): Header => {
    const isOuter = before < added;
    before += bytes;
    return { name, says, bytes, isOuter };
  });
  return ethernet === undefined ? behind : [{ ...ethernet, isOuter: false }, ...behind];
}
