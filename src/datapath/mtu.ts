import type { Route } from '../model/desired.js';

/** What a pool's packets may measure: the setting, else what the underlay leaves beside the outer headers. */
export function mtuOf({ mtu, overheadBytes }: Route, underlayMtu: number): number {
  return mtu === 0 ? underlayMtu - overheadBytes : mtu;
}
