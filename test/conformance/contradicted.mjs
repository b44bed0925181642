// Tests of the packaged edition (0.4.5) whose expectation is not what the suite expects today, or not of a cache.
const age = 'the current edition has a recipient ignore an Age that is malformed, and take the first of several';
const gatewayError =
  'the gateway answers 502, as it must; this edition takes every answer that its origin did not make for a cached one';
const update =
  'the current edition does not expect a 304 to change what describes the stored body, nor a strong ETag to differ';
const updated = 'a 304 brings this field up to date, as the current edition wants it (RFC 9111 §3.2)';

export const contradicted = {
  'age-parse-nonnumeric': age,
  'age-parse-negative': age,
  'age-parse-float': age,
  'age-parse-prefix-twoline': age,
  'age-parse-dup-0': age,
  'age-parse-dup-0-twoline': age,
  'age-parse-dup-old': age,
  'age-parse-parameter': age,
  'age-parse-numeric-parameter': age,
  'stale-close-must-revalidate': gatewayError,
  'stale-close-proxy-revalidate': gatewayError,
  'stale-close-no-cache': gatewayError,
  'stale-close-s-maxage=2': gatewayError,
  '304-etag-update-response-Content-MD5': updated,
  '304-etag-update-response-Content-Type': update,
  '304-etag-update-response-ETag': update,
};
