/** How deeply a value may be nested: Calico's resources are some ten levels deep. */
export const deepest = 64;

/** True where a parsed value is nested deeper than any resource is. */
export function isTooDeep(value: unknown, left: number = deepest): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((member) => isTooDeep(member, left - 1));
}
