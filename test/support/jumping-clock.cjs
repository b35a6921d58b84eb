// Loaded into a process by --require: its wall clock jumps a day forth and back, five times a second.
'use strict';

const RealDate = Date;
const dayMs = 86_400_000;
let offsetMs = dayMs;
setInterval(() => {
  offsetMs = -offsetMs;
}, 100).unref();

globalThis.Date = class extends RealDate {
  constructor(...fields) {
    if (fields.length === 0) super(RealDate.now() + offsetMs);
    else super(...fields);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};
