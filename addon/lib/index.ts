export { BpfError, NetlinkError } from './error.js';
