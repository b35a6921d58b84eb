import { Netlink } from 'libbpf-ts';
import type { Folders } from '../datapath/folders.js';
import type { Change } from '../datapath/reconcile.js';
import { belongings, listed, removeAll } from '../datapath/remove.js';
import { lock } from './lock.js';

export interface DownOptions {
  readonly folders: Folders;
  /** Change nothing, say what would be removed. */
  readonly dryRun: boolean;
}

/** Removes all that is ours on this node, and nothing else; with an agent running it refuses. */
export async function down({ folders, dryRun }: DownOptions): Promise<readonly Change[]> {
  using netlink = Netlink.open();
  if (dryRun) return listed(belongings(folders, netlink));
  await using _lock = await lock(folders.run);
  return removeAll(folders, netlink);
}
