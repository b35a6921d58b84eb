import { isAlive } from '../agent.js';
import { readVmLab, vmLabNames, type Guest, type VmLab } from './state.js';

/** How a lab of guests is. */
export interface VmLabStatus extends Omit<VmLab, 'guests' | 'kind'> {
  readonly healthy: boolean;
  readonly guests: readonly (Guest & { readonly state: 'running' | 'ended' })[];
}

/** The labs that are up, or the one of this name. */
export function statusVm(name?: string): readonly VmLabStatus[] {
  return vmLabNames()
    .filter((candidate) => name === undefined || candidate === name)
    .map(readVmLab)
    .filter((lab) => lab !== undefined)
    .map(({ kind: _, ...lab }) => {
      const guests = lab.guests.map((guest) => ({
        ...guest,
        state:
          guest.process !== undefined && isAlive(guest.process)
            ? ('running' as const)
            : ('ended' as const),
      }));
      return { ...lab, guests, healthy: guests.every(({ state }) => state === 'running') };
    });
}
