import { readFileSync } from 'node:fs';
import { environmentOf } from './agent-options.js';

/**
 * Variables that resources are read with: default pools, Felix's parameters, what becomes of kernel tunnels. Not VNI and
 * port of VXLAN: all nodes must have the same, so an agent that was told another is what a doctor is to find.
 */
const ofResources =
  /^(CALICO_IPV[46]POOL_\w+|NO_DEFAULT_POOLS|FELIX_(?!VXLAN(VNI|PORT)$)\w+|ENCAP_KERNEL_TUNNELS)$/i;

/**
 * The environment of this process, but that resources are read as the running agent reads them: with its variables, and
 * with what its options say in their place (proc(5), environ and cmdline). All ours where there is no agent, or where
 * this process may not look, or has a PID namespace of its own, so that the id is another process's or nobody's.
 */
export function withEnvironmentOf(
  agent: number | undefined,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  if (agent === undefined) return env;
  const words = wordsIn(agent, 'cmdline');
  const variables = wordsIn(agent, 'environ');
  if (variables === undefined || words?.includes('run') !== true) return env;
  const theirs = Object.fromEntries(
    variables.map((line) => {
      const [name = '', ...value] = line.split('=');
      return [name, value.join('=')];
    }),
  );
  const options = {
    replaceKernelTunnels: words.includes('--replace-kernel-tunnels'),
    coexist: words.includes('--coexist'),
  };
  return { ...only(env, false), ...environmentOf(options, only(theirs, true)) };
}

/** The variables that resources are read with, or all others. */
function only(env: NodeJS.ProcessEnv, areOfResources: boolean): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => ofResources.test(name) === areOfResources),
  );
}

/** What is told of a process, word by word; undefined: it is gone, or not to be looked at. */
function wordsIn(pid: number, file: 'cmdline' | 'environ'): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0').filter(Boolean);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ESRCH') return undefined;
    throw cause;
  }
}
