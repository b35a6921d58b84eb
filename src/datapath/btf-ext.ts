/** What an object asks the loader to find in the running kernel's BTF: how many places of its code wait for an offset or a size (CO-RE). */
export function relocationsIn(object: Uint8Array): number {
  const view = new DataView(object.buffer, object.byteOffset, object.byteLength);
  const section = sectionOf(view, '.BTF.ext');
  if (section === undefined) return 0;
  const headerBytes = view.getUint32(section + 4, true);
  if (headerBytes < headerWithRelocations) return 0; // as clang wrote it before CO-RE
  const begin = section + headerBytes + view.getUint32(section + 24, true);
  const end = begin + view.getUint32(section + 28, true);
  if (begin === end) return 0;
  const recordBytes = view.getUint32(begin, true);
  let count = 0;
  // struct btf_ext_info_sec: name of a section, number of records, the records
  for (let at = begin + 4; at < end;) {
    const records = view.getUint32(at + 4, true);
    count += records;
    at += 8 + records * recordBytes;
  }
  return count;
}

/** struct btf_ext_header up to and with core_relo_len. */
const headerWithRelocations = 32;

/** Where a section of an ELF file (64 bits, little endian) begins; undefined: there is none. */
function sectionOf(view: DataView, wanted: string): number | undefined {
  const [tableAt, size] = [Number(view.getBigUint64(0x28, true)), view.getUint16(0x3a, true)];
  const [count, namesIndex] = [view.getUint16(0x3c, true), view.getUint16(0x3e, true)];
  const header = (index: number): number => tableAt + index * size;
  const offset = (index: number): number => Number(view.getBigUint64(header(index) + 0x18, true));
  for (let index = 0; index < count; index += 1)
    if (textAt(view, offset(namesIndex) + view.getUint32(header(index), true)) === wanted)
      return offset(index);
  return undefined;
}

function textAt(view: DataView, start: number): string {
  let end = start;
  while (view.getUint8(end) !== 0) end += 1;
  return Buffer.from(view.buffer, view.byteOffset + start, end - start).toString('latin1');
}
