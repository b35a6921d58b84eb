import { stateFiles } from '../state-files.js';
import type { AgentProcess } from '../state.js';
import type { Carrier } from '../topology.js';

/** A lab of guests as it stands: what `encap lab vm up -o json` prints and /run/encap-lab-vm/<name>.json keeps. */
export interface VmLab {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'VmLab';
  readonly name: string;
  readonly preset: string;
  /** `kvm` where it boots this machine's guests, else `tcg`: QEMU emulates, ten times as slow. */
  readonly accelerator: string;
  readonly guests: readonly Guest[];
}

export interface Guest {
  readonly name: string;
  readonly role: 'router' | 'node';
  /** A release of Debian's, as `uname -r` says it. */
  readonly kernel: string;
  readonly carrier?: Carrier;
  readonly addresses: readonly string[];
  readonly workloads: readonly { readonly name: string; readonly address: string }[];
  /** The script that runs QEMU; all that it starts is in its session. Absent: not started yet. */
  readonly process?: AgentProcess;
  /** From the start of QEMU until the guest had its network, and its agent was ready. */
  readonly readyMs?: number;
}

/** In a guest's folder there is a socket for each of its ports. */
export const {
  folder: vmFolder,
  names: vmLabNames,
  read: readVmLab,
  find: findVmLab,
  write: writeVmLab,
  forget: forgetVmLab,
} = stateFiles<VmLab>({
  root: '/run/encap-lab-vm',
  mode: 0o700,
  noun: 'lab of guests',
  start: 'encap lab vm up two',
  cure: (_, file) => `end its guests (ps -e | grep vmtest) and remove ${file}`,
});
