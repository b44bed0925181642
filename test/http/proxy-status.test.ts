import { parseItem } from 'structured-headers';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { formatProxyStatus, proxyErrors } from '../../src/http/proxy-status.ts';

/** RFC 9209 §2.3 and its registry. */
const registered = new Set([
  ...['dns_timeout', 'dns_error', 'destination_not_found', 'destination_unavailable', 'destination_ip_prohibited'],
  ...['destination_ip_unroutable', 'connection_refused', 'connection_terminated', 'connection_timeout'],
  ...['connection_read_timeout', 'connection_write_timeout', 'connection_limit_reached', 'tls_protocol_error'],
  ...['tls_certificate_error', 'tls_alert_received', 'http_request_error', 'http_request_denied'],
  ...['http_response_incomplete', 'http_response_header_section_size', 'http_response_header_size'],
  ...['http_response_body_size', 'http_response_trailer_section_size', 'http_response_trailer_size'],
  ...['http_response_transfer_coding', 'http_response_content_coding', 'http_response_timeout'],
  ...['http_upgrade_failed', 'http_protocol_error', 'proxy_internal_response', 'proxy_internal_error'],
  ...['proxy_configuration_error', 'proxy_loop_detected'],
]);

/** Fails to compile when the gateway gets an error that has no type here. */
const codes: readonly (keyof typeof proxyErrors)[] = Object.keys(proxyErrors) as ErrorCode[];

describe('RFC 9209: Proxy-Status', () => {
  test.each(codes)('%s is a registered type', (code) => {
    const [name, parameters] = parseItem(formatProxyStatus(code));
    expect(String(name)).toBe('unstale');
    expect(registered.has(String(parameters.get('error')))).toBe(true);
  });

  test('details are a string, whatever they hold', () => {
    expect(formatProxyStatus('originRefused', 'connect "x"\n')).toBe(
      'unstale; error=connection_refused; details="connect \\"x\\"?"',
    );
  });
});
