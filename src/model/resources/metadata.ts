import * as z from 'zod';
import type { Complaint } from './kind.js';

/** Kubernetes' ObjectMeta: every member it has. */
export const metadata = z.strictObject({
  name: z.string().optional(),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  uid: z.string().optional(),
  resourceVersion: z.union([z.string(), z.number()]).optional(),
  generation: z.number().optional(),
  creationTimestamp: z.unknown().optional(),
  deletionTimestamp: z.unknown().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(z.unknown()).optional(),
  managedFields: z.array(z.unknown()).optional(),
  selfLink: z.string().optional(),
});

/** Name and labels as Felix needs them: a resource without a name is none. */
export const identity = z.object({
  name: z.string().min(1),
  labels: z.record(z.string(), z.string()).default({}).catch({}),
  annotations: z.record(z.string(), z.string()).default({}).catch({}),
});

const longestName = 253;
const longestLabel = 63;
const mostAnnotationBytes = 256 * 1024;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelText = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const seen = z.object({
  metadata: z
    .object({
      name: z.string().optional().catch(undefined),
      labels: z.record(z.string(), z.unknown()).default({}).catch({}),
      annotations: z.record(z.string(), z.unknown()).default({}).catch({}),
    })
    .optional()
    .catch(undefined),
});

/** What Kubernetes and calicoctl demand of names, labels and annotations. */
export function metadataRules(value: unknown): readonly Complaint[] {
  const parsed = seen.safeParse(value);
  const found = parsed.success ? parsed.data.metadata : undefined;
  if (found?.name === undefined || found.name === '')
    return [{ path: ['metadata', 'name'], message: 'a resource needs a name' }];
  return [
    ...nameRules(found.name),
    ...Object.entries(found.labels).flatMap(([key, label]) => labelRules(key, label)),
    ...annotationRules(found.annotations),
  ];
}

function nameRules(name: string): Complaint[] {
  const path = ['metadata', 'name'];
  if (name.length > longestName)
    return [
      {
        path,
        message: `name is too long by ${name.length - longestName} bytes: ${longestName} is the most`,
      },
    ];
  if (subdomain.test(name)) return [];
  return [
    {
      path,
      message: `name must consist of lower case alphanumeric characters, '-' or '.'; ${JSON.stringify(name)} does not`,
    },
  ];
}

function labelRules(key: string, label: unknown): Complaint[] {
  const path = ['metadata', 'labels', key];
  const complaints: Complaint[] = [];
  if (!isQualified(key))
    complaints.push({ path, message: `${JSON.stringify(key)} is no label name`, atKey: true });
  if (typeof label !== 'string' || label === '') return complaints;
  if (label.length > longestLabel)
    complaints.push({
      path,
      message: `a label's value has at most ${longestLabel} characters; this has ${label.length}`,
    });
  else if (!labelText.test(label))
    complaints.push({
      path,
      message: `${JSON.stringify(label)} is no label value: letters, digits, '-', '_' and '.'`,
    });
  return complaints;
}

function annotationRules(annotations: Readonly<Record<string, unknown>>): Complaint[] {
  const complaints: Complaint[] = Object.keys(annotations)
    .filter((key) => !isQualified(key.toLowerCase()))
    .map((key) => ({
      path: ['metadata', 'annotations', key],
      message: `${JSON.stringify(key)} is no annotation name`,
      atKey: true,
    }));
  const bytes = Object.entries(annotations).reduce(
    (sum, [key, text]) => sum + key.length + (typeof text === 'string' ? text.length : 0),
    0,
  );
  if (bytes > mostAnnotationBytes)
    complaints.push({
      path: ['metadata', 'annotations'],
      message: `annotations of ${bytes} bytes: ${mostAnnotationBytes} is the most`,
    });
  return complaints;
}

/** `projectcalico.org/Label`: a DNS name in lower case, a slash, a name. */
function isQualified(key: string): boolean {
  const [name, domain, ...more] = key.split('/').reverse();
  if (name === undefined || more.length > 0 || !labelText.test(name) || name.length > longestLabel)
    return false;
  return domain === undefined || (subdomain.test(domain) && domain.length <= longestName);
}
