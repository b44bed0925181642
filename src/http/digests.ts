/**
 * Digests of the octets of one message (RFC 9530 §2, RFC 1864): the same representation in other ranges, or joined from
 * several, has others.
 */
export const contentDigests: ReadonlySet<string> = new Set(['content-digest', 'content-md5']);

/** The fields of a part that the whole does not have. */
export const partFields: ReadonlySet<string> = new Set(['content-range', 'content-length', ...contentDigests]);

/** Digests of one message, and of the whole representation, its coding included (RFC 9530 §3, RFC 3230). */
export const allDigests: ReadonlySet<string> = new Set([...contentDigests, 'repr-digest', 'digest']);
