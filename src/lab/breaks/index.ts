import { agent } from './agent.js';
import { badYaml } from './bad-yaml.js';
import { blackhole } from './blackhole.js';
import type { Break } from './break.js';
import { detach } from './detach.js';
import { firewall } from './firewall.js';
import { ipForward } from './ip-forward.js';
import { loss } from './loss.js';
import { mtu } from './mtu.js';
import { noBpffs } from './no-bpffs.js';
import { nobody } from './nobody.js';
import { offload } from './offload.js';
import { poolRoute } from './pool-route.js';
import { rpFilter } from './rp-filter.js';
import { spoof } from './spoof.js';
import { staleMac } from './stale-mac.js';
import { stranger } from './stranger.js';
import { wrongVni } from './wrong-vni.js';

/** Every fault that there is: a new one is a file and a line here. */
export const breaks: readonly Break[] = [
  blackhole,
  mtu,
  offload,
  staleMac,
  firewall,
  loss,
  wrongVni,
  rpFilter,
  ipForward,
  spoof,
  stranger,
  badYaml,
  agent,
  detach,
  noBpffs,
  poolRoute,
  nobody,
];
