import { EncapError } from '../errors.js';
import type { Break, Observation } from './breaks/break.js';
import { breaks } from './breaks/index.js';
import { sceneFor, type Scene } from './breaks/scene.js';
import { findLab, readLab, writeLab, type Lab } from './state.js';

/** A fault that a lab has now, or had. */
export interface Fault {
  readonly lab: string;
  readonly name: string;
  readonly title: string;
  readonly observations: readonly Observation[];
  readonly cure: string;
  readonly isRepaired: boolean;
}

/** Gives a lab a fault. */
export async function breakLab(fault: string, name?: string): Promise<Fault> {
  const lab = findLab(name);
  if (lab.broken?.includes(fault) === true)
    throw new EncapError(`cannot break ${lab.name} with ${fault}: it is broken so already`, {
      code: 'USAGE',
      hint: `encap lab mend ${fault}`,
    });
  const { made, scene } = find(lab, fault);
  if (made.isRepaired !== true) note(lab.name, (broken) => [...broken, fault]);
  await made.apply(scene);
  return faultOf(made, scene);
}

/** Takes faults back: the one of this name, or all that a lab has. Gives back their names. */
export async function mend(fault?: string, name?: string): Promise<readonly string[]> {
  const lab = findLab(name);
  const { broken = [] } = lab;
  if (fault !== undefined && !broken.includes(fault))
    throw new EncapError(`cannot mend ${fault}: the lab ${lab.name} is not broken so`, {
      code: 'USAGE',
      hint: broken.length === 0 ? 'it has no fault' : `its faults: ${broken.join(', ')}`,
    });
  const wanted = fault === undefined ? [...broken].reverse() : [fault];
  for (const one of wanted) {
    const now = readLab(lab.name) ?? lab;
    const { made, scene } = find(now, one);
    await made.mend(scene);
    note(lab.name, (rest) => rest.filter((other) => other !== one));
  }
  return wanted;
}

function find(lab: Lab, fault: string): { readonly made: Break; readonly scene: Scene } {
  const made = breaks.find((one) => one.name === fault);
  if (made === undefined)
    throw new EncapError(`cannot break ${lab.name} with ${fault}: there is no such fault`, {
      code: 'USAGE',
      hint: 'see all of them: encap lab break',
    });
  return { made, scene: sceneFor(lab, made) };
}

function faultOf({ name, title, isRepaired = false, observe, cure }: Break, scene: Scene): Fault {
  const { lab } = scene;
  return {
    lab: lab.name,
    name,
    title,
    observations: observe(scene),
    cure: cure(scene),
    isRepaired,
  };
}

function note(lab: string, change: (broken: readonly string[]) => readonly string[]): void {
  const now = readLab(lab);
  if (now !== undefined) writeLab({ ...now, broken: change(now.broken ?? []) });
}
