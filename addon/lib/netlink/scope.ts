import { integerField, nameField } from './field.js';

/** How far an address or a route reaches: one of the kernel's (rtnetlink(7)), or a number between them. */
export type Scope = keyof typeof scopes | number;

const scopes = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
const names = new Map<number, Scope>(
  Object.entries(scopes).map(([name, number]) => [number, name as keyof typeof scopes]),
);

export function scopeName(number: number): Scope {
  return names.get(number) ?? number;
}

export function scopeField(value: unknown, what: string): number {
  if (typeof value === 'number') return integerField(value, what, 0, 255);
  return scopes[nameField(value, what, ['global', 'site', 'link', 'host', 'nowhere'])];
}
