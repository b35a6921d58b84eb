/** `12:01:07` of an ISO 8601 time, where this process is. */
export function clockText(time: string): string {
  const there = new Date(time);
  return [there.getHours(), there.getMinutes(), there.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
