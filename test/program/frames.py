# Writes frames.json beside it: what goes into the egress program and what must come out, built by
# scapy and never by our own encoder. The outer source port is left 0. Run: python3 frames.py
import json
from pathlib import Path
from scapy.all import *
from scapy.layers.vxlan import VXLAN
A,B,C='192.168.1.11','192.168.1.12','192.168.2.13'
NOB='02:fe:fe:fe:fe:fe'; MA='02:00:00:00:01:0b'
VA,VB,VC='66:00:00:00:00:0b','66:00:00:00:00:0c','66:00:00:00:00:0d'
def h(p): return bytes(p).hex()
rows=[]
def row(title, encap, node, vtep, inner, tos=0):
    e=Ether(src=MA,dst=NOB,type=0x800)
    if encap=='vxlan':
        out=e/IP(src=A,dst=node,tos=inner.tos,flags='DF',id=0,ttl=64,proto=17)/UDP(sport=0,dport=4789,chksum=0)/VXLAN(flags=8,vni=4096)/Ether(src=VA,dst=vtep,type=0x800)/inner
    elif encap=='ipip':
        out=e/IP(src=A,dst=node,tos=inner.tos,flags='DF',id=0,ttl=64,proto=4)/inner
    else: out=e/inner
    rows.append(dict(title=title,encap=encap,inner=h(e/inner),outer=h(out)))
def kinds(src,dst):
    yield 'a TCP SYN', IP(src=src,dst=dst,ttl=63,id=7,flags='DF')/TCP(sport=40000,dport=80,flags='S',seq=1,options=[('MSS',1410),('NOP',None),('WScale',7)])
    yield 'a UDP datagram', IP(src=src,dst=dst,ttl=63,id=8)/UDP(sport=7777,dport=8888)/Raw(b'payload-0123456789')
    yield 'a UDP datagram without a checksum', IP(src=src,dst=dst,ttl=63,id=8)/UDP(sport=7777,dport=8888,chksum=0)/Raw(b'payload')
    yield 'an ICMP echo', IP(src=src,dst=dst,ttl=64,id=9)/ICMP(id=1,seq=1)/Raw(bytes(range(56)))
    yield 'an SCTP INIT', IP(src=src,dst=dst,ttl=63,id=10,proto=132)/SCTP(sport=5,dport=6,tag=0)/SCTPChunkInit(init_tag=1,a_rwnd=1500,n_out_streams=1,n_in_streams=1,init_tsn=1)
    yield 'a first fragment', IP(src=src,dst=dst,ttl=63,id=11,flags='MF')/UDP(sport=1,dport=2,len=1008)/Raw(b'f'*992)
    yield 'a last fragment', IP(src=src,dst=dst,ttl=63,id=11,frag=125,proto=17)/Raw(b'f'*64)
    yield 'IP options', IP(src=src,dst=dst,ttl=63,id=12,options=[IPOption_NOP()]*3+[IPOption_EOL()])/UDP(sport=7,dport=8)/Raw(b'o')
    yield 'a header and no more', IP(src=src,dst=dst,ttl=63,id=13,proto=59)
    yield 'DSCP EF', IP(src=src,dst=dst,ttl=63,id=14,tos=0xb8)/UDP(sport=7777,dport=8888)/Raw(b'ef')
    yield "a workload's own IPIP", IP(src=src,dst=dst,ttl=63,id=15)/IP(src='172.16.0.1',dst='172.16.0.2')/UDP(sport=1,dport=2)/Raw(b'n')
    yield "a workload's own VXLAN", IP(src=src,dst=dst,ttl=63,id=16)/UDP(sport=1,dport=4789)/VXLAN(vni=7,flags=8)/Ether(src=VA,dst=VB)/IP(src='172.16.0.1',dst='172.16.0.2')/UDP(sport=1,dport=2)/Raw(b'n')
    yield 'a full MTU', IP(src=src,dst=dst,ttl=63,id=17,flags='DF')/UDP(sport=7777,dport=8888)/Raw(bytes(i%251 for i in range(1450-28)))
for encap,pool,node,vtep,third,where in [
  ('vxlan',244,B,VB,2,'VXLAN to a peer in the same subnet'),('vxlan',246,C,VC,3,'VXLAN CrossSubnet to a peer behind the router'),
  ('ipip',245,B,VB,2,'IPIP to a peer in the same subnet'),('ipip',248,C,VC,3,'IPIP CrossSubnet to a peer behind the router'),
  ('none',246,B,VB,2,'VXLAN CrossSubnet to a peer in the same subnet'),('none',247,C,VC,3,'Never to a peer behind the router')]:
    for name,p in kinds(f'10.{pool}.1.5',f'10.{pool}.{third}.9'):
        if where!='VXLAN to a peer in the same subnet' and where!='IPIP to a peer in the same subnet' and name not in('a TCP SYN','a UDP datagram','a last fragment'): continue
        row(f'{where}: {name}',encap,node,vtep,p)
for encap,pool,node,vtep in [('vxlan',244,B,VB),('ipip',245,B,VB)]:
    for name,p in kinds(f'10.{pool}.1.0',f'10.{pool}.2.9'):
        if name!='a UDP datagram without a checksum': continue
        row(f'{encap} from the tunnel address: {name}',encap,node,vtep,p)
Path(__file__).with_name('frames.json').write_text(json.dumps(rows, indent=2) + '\n')
