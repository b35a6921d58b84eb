import { Netlink } from 'libbpf-ts';
import type { Folders } from '../datapath/folders.js';
import type { Change } from '../datapath/reconcile.js';
import { belongings, listed, removeAll } from '../datapath/remove.js';
import { restorable, restore } from '../datapath/restore.js';
import { lock } from './lock.js';

export interface DownOptions {
  readonly folders: Folders;
  /** Change nothing, say what would be removed. */
  readonly dryRun: boolean;
  /** Calico's own tunnel devices are made again first, where Felix has removed them. */
  readonly restoreKernelTunnels?: boolean;
}

/** Removes all that is ours on this node, and nothing else; with an agent running it refuses. */
export async function down(options: DownOptions): Promise<readonly Change[]> {
  const { folders, dryRun, restoreKernelTunnels = false } = options;
  using netlink = Netlink.open();
  if (dryRun)
    return [
      ...(restoreKernelTunnels ? restorable(folders, netlink) : []),
      ...listed(belongings(folders, netlink)),
    ];
  await using _lock = await lock(folders.run);
  const restored = restoreKernelTunnels ? restore(folders, netlink) : [];
  return [...restored, ...removeAll(folders, netlink)];
}
