/** Something that works, but probably not as someone meant it. */
export interface Warning {
  /** The resource: `IPPool default-ipv4-ippool`. */
  readonly subject: string;
  readonly message: string;
}
