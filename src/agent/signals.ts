/** Calls back on a signal until it is disposed of. */
export function onSignal(signal: NodeJS.Signals, call: () => void): Disposable {
  process.on(signal, call);
  return { [Symbol.dispose]: () => process.off(signal, call) };
}
