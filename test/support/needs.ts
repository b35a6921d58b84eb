import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { whyNotTaken } from './crossing.js';
import { whyNoKernelPeer } from './kernel-devices.js';
import { whyNoPrograms } from './object.js';
import { overlays, type OverlayName } from './overlays.js';
import { isKernel, type Peer } from './pair.js';

/** What this machine lacks for a test, said in its log; true when the test has to be left out. */
export function skips(t: ExecutionContext, ...commands: readonly string[]): boolean {
  return skipsFor(t, lacking(commands));
}

/** The same for a test that loads programs and sends packets by an overlay. */
export function skipsOverlay(
  t: ExecutionContext,
  overlay: OverlayName,
  ...commands: readonly string[]
): boolean {
  return skipsFor(t, whyNoOverlay(overlay, commands));
}

/** The same where the peer may be one of the kernel's devices. */
export function skipsPeer(
  t: ExecutionContext,
  { overlay, peer }: { readonly overlay: OverlayName; readonly peer: Peer },
  ...commands: readonly string[]
): boolean {
  const reason = whyNoOverlay(overlay, commands);
  return skipsFor(t, reason ?? (isKernel(peer) ? whyNoKernelPeer(peer) : undefined));
}

function whyNoOverlay(overlay: OverlayName, commands: readonly string[]): string | undefined {
  const { over, family } = overlays[overlay];
  return whyNoPrograms() ?? lacking(commands) ?? whyNotTaken(over, family);
}

/** The same for a reason of a test's own. */
export function skipsFor(t: ExecutionContext, reason: string | undefined): boolean {
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

function lacking(commands: readonly string[]): string | undefined {
  if (process.geteuid?.() !== 0) return 'network namespaces and eBPF need root';
  const absent = commands.filter((command) => !isThere(command));
  return absent.length === 0 ? undefined : `no ${absent.join(', ')} on this machine`;
}

function isThere(command: string): boolean {
  return [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
