/** Where an object of this package keeps its native handle: out of reach for those outside. */
export const handle: unique symbol = Symbol('handle');
