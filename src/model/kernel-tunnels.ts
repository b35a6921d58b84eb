import { EncapError } from '../errors.js';
import type { Environment } from './environment.js';
import type { KernelTunnels } from './settings.js';

export const kernelTunnels = [
  'replace',
  'coexist',
  'leave',
] as const satisfies readonly KernelTunnels[];

/** Says what the options of `encap run` say, too. */
export const kernelTunnelsVariable = 'ENCAP_KERNEL_TUNNELS';

/** What the environment says of Calico's tunnel devices; undefined: nothing. */
export function saidKernelTunnels(environment: Environment): KernelTunnels | undefined {
  const text = environment[kernelTunnelsVariable] ?? '';
  if (text === '') return undefined;
  const way = kernelTunnels.find((one) => one === text.toLowerCase());
  if (way !== undefined) return way;
  throw new EncapError(`cannot read ${kernelTunnelsVariable}=${text}: CONFIG_INVALID`, {
    code: 'CONFIG_INVALID',
    hint: `set it to ${kernelTunnels.join(', ')}, or unset it`,
  });
}
