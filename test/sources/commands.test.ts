import type { ExecutionContext } from 'ava';
import { Etcd, etcdProgram } from '../support/etcd.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { isNotReached, readsOnce, type Told } from './commands.js';
import { manifestsIn } from './conformance.js';
import { etcdKeyOf, etcdValueOf, type Manifest } from './store.js';

function lacks(t: ExecutionContext): boolean {
  if (etcdProgram() !== undefined) return false;
  t.log('skipped: no etcd on this machine');
  return true;
}

function toldOf(endpoint: string, etcd?: Etcd): Told {
  return {
    words: ['--source', 'etcd'],
    env: { ETCD_ENDPOINTS: endpoint },
    place: /^etcd:\/calico\/resources\/v3\/projectcalico\.org\/ippools\/misspelt {2}error/m,
    put: async (one: Manifest) => etcd?.put(etcdKeyOf(one), etcdValueOf(one)),
    remove: async (one: Manifest) => etcd?.remove(etcdKeyOf(one)),
  };
}

readsOnce('etcd', async (t) => {
  if (lacks(t)) return undefined;
  const etcd = await Etcd.start(t);
  for (const one of manifestsIn('crosssubnet')) await etcd.put(etcdKeyOf(one), etcdValueOf(one));
  return toldOf(etcd.endpoint, etcd);
});

isNotReached('etcd', async (t, how) => {
  if (lacks(t)) return undefined;
  if (how === 'gone') return toldOf('http://127.0.0.1:1');
  const etcd = await Etcd.start(t);
  const proxy = await TcpProxy.to(t, etcd.port);
  proxy.swallow();
  return toldOf(`http://127.0.0.1:${proxy.port}`);
});
