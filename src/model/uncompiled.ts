import { config } from 'zod';

/** Schemas that are made from now on walk through what they check, where they would compile themselves first. */
export function checkUncompiled(): void {
  config({ jitless: true });
}
