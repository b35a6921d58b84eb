import type { Documents } from '../../../src/model/document.js';
import { inventoryOf, type AssembleOptions, type World } from '../../../src/model/assemble.js';
import type { Problem } from '../../../src/model/problem.js';
import { validate } from '../../../src/model/validate.js';
import { parse } from '../../../src/sources/file/parse.js';

/** Resources as if they stood in one file, one document each. */
export function written(...resources: readonly unknown[]): Documents {
  const text = resources.map((one) => `---\n${JSON.stringify(one, null, 2)}\n`).join('');
  return parse('world.yaml', Buffer.from(text));
}

export function problemsOf(...resources: readonly unknown[]): readonly Problem[] {
  return validate(written(...resources));
}

export function errorsOf(...resources: readonly unknown[]): readonly Problem[] {
  return problemsOf(...resources).filter(({ severity }) => severity === 'error');
}

export function worldOf(resources: readonly unknown[], options: AssembleOptions = {}): World {
  return inventoryOf(written(...resources), options);
}

export function pool(spec: object, name = 'a', metadata: object = {}): object {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name, ...metadata },
    spec,
  };
}

export function node(spec: object, name = 'node-a'): object {
  return { apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec };
}

export function block(cidr: string, spec: object = {}): object {
  const name = cidr.replace(/[.:/]/g, '-');
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name },
    spec: { cidr, affinity: 'host:node-a', ...spec },
  };
}

export function felix(spec: object, name = 'default'): object {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name },
    spec,
  };
}
