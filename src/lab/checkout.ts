import { fileURLToPath } from 'node:url';

/** The folder of the checkout or package that this is part of: bpf, docs, examples and, in a checkout, scripts are in it. */
export const checkout = fileURLToPath(new URL('../../../', import.meta.url));
