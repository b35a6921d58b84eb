// What the workloads of a test run at the two ends of their traffic.

/** Node: hashes what one connection brings. */
export const tcpReceiver = `
  const hash = require('crypto').createHash('sha256');
  require('net').createServer((socket) => {
    socket.on('data', (data) => hash.update(data));
    socket.on('end', () => { console.log(hash.digest('hex')); process.exit(); });
  }).listen(5201, () => console.log('listening'));`;

/** Node: sends random bytes and says their hash. */
export const tcpSender = `
  const [address, bytes] = process.argv.slice(1);
  const crypto = require('crypto');
  const data = crypto.randomBytes(Number(bytes));
  require('net').connect(5201, address).end(data);
  console.log(crypto.createHash('sha256').update(data).digest('hex'));`;

/** Python: counts datagrams until none came for a second, behind the first one. */
export const udpReceiver = `
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(('::', 5202))
print('listening')
s.settimeout(10) # until the sender has started
n = 0
try:
    while True:
        s.recv(2048)
        s.settimeout(1)
        n += 1
except TimeoutError:
    print(n)
`;

/** Python: ten datagrams of 1,000 bytes in each super-packet. */
export const udpSender = `
import socket, sys, time
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, 1000)
for _ in range(int(sys.argv[2])):
    s.sendto(bytes(10000), (sys.argv[1], 5202))
    time.sleep(0.002)
`;

/**
 * Python: hashes what one SCTP association brings (RFC 9260; Node has no such sockets). Each end names one address:
 * otherwise it tells of all that it has, and they try those.
 */
export const sctpReceiver = `
import hashlib, socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
s.bind((sys.argv[1], 5203))
s.listen(1)
print('listening')
connection, _ = s.accept()
hash = hashlib.sha256()
while data := connection.recv(1 << 16):
    hash.update(data)
print(hash.hexdigest())
`;

/** Python: sends random bytes and says their hash. */
export const sctpSender = `
import hashlib, os, socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
data = os.urandom(int(sys.argv[3]))
s = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
s.setsockopt(socket.IPPROTO_SCTP, 3, 1) # SCTP_NODELAY: no message waits for a delayed acknowledgement
s.bind((sys.argv[2], 0))
s.connect((sys.argv[1], 5203))
for at in range(0, len(data), 8192):
    s.sendall(data[at : at + 8192])
s.close()
print(hashlib.sha256(data).hexdigest())
`;
