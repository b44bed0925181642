/** A media type without its parameters, in lower case (RFC 9110 §8.3.1); empty if there is none. */
export function essenceOf(mediaType: string | undefined): string {
  if (mediaType === undefined) return '';
  const end = mediaType.indexOf(';');
  return (end < 0 ? mediaType : mediaType.slice(0, end)).trim().toLowerCase();
}
