import { colors } from './dot.js';

/** Graphviz' language for the way of a packet through the kernels of two nodes: docs/datapath.md in a picture. */
export const pathDot = `digraph path {
  rankdir=TB compound=true nodesep=0.35 ranksep=0.42 bgcolor="white"
  node [shape=box margin="0.28,0.09" style="rounded,filled" fillcolor="white" color="#555555" fontname="Helvetica" fontsize=11]
  edge [fontname="Helvetica" fontsize=10 color="#555555" arrowsize=0.7]
  subgraph cluster_a {
    label="node-a" fontname="Helvetica" fontsize=13 style="rounded,filled" fillcolor="#f2f4f7" color="#c3c9d2"
    a1 [label="workload a1"]
    caliA [label="cali*: Calico’s policy, conntrack, NAT"]
    routeA [label="route of the pool: to NOBODY on eth0, with the pool’s MTU"]
    tooBig [label="the kernel answers:\\nICMP, fragmentation needed" fillcolor="#fbe9e7"]
    egress [label="encapd_egress (TC, eth0)\\npools, blocks, peers, policies" fillcolor="#fff3df" color="${colors.vxlan}"]
    dropA [label="dropped by name:\\nno_block, src_spoof, …" fillcolor="#fbe9e7"]
    neighbour [label="neighbour resolution,\\nmark, once more through eth0"]
  }
  wire [label="underlay: switches and routers" shape=cds fillcolor="#ffffff"]
  subgraph cluster_c {
    label="node-c" fontname="Helvetica" fontsize=13 style="rounded,filled" fillcolor="#f2f4f7" color="#c3c9d2"
    ingress [label="encapd_ingress (TC, eth0)\\nouter header, sender, VNI, inner addresses" fillcolor="#fff3df" color="${colors.vxlan}"]
    dropC [label="dropped by name:\\nunknown_peer, inner_src, …" fillcolor="#fbe9e7"]
    passC [label="not ours: the stack\\n(not_ours, foreign_vni)"]
    routeC [label="kernel routing, reverse path filter"]
    caliC [label="cali*: Calico’s policy"]
    c1 [label="workload c1"]
  }
  a1 -> caliA -> routeA
  routeA -> tooBig [label="  too big, DF  " style=dashed]
  routeA -> egress [label="MAC of NOBODY"]
  egress -> dropA [style=dashed]
  egress -> neighbour [label="  VXLAN or IP-in-IP pushed  " color="${colors.vxlan}" fontcolor="${colors.vxlan}"]
  egress -> neighbour [label="  direct: as it is" color="${colors.direct}" fontcolor="${colors.direct}"]
  neighbour -> wire
  wire -> ingress
  ingress -> dropC [style=dashed]
  ingress -> passC [style=dashed]
  ingress -> routeC [label="   outer headers popped" color="${colors.vxlan}" fontcolor="${colors.vxlan}"]
  passC -> routeC [label="   direct" color="${colors.direct}" fontcolor="${colors.direct}"]
  routeC -> caliC -> c1
}
`;
