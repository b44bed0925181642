import { CliError, type CliIo, exitCodes } from './io.ts';

/** Options of every command that calls the admin port of a running gateway. */
export const gatewayOption = ['--gateway <url>', 'the admin port of a running gateway (UNSTALE_ADMIN_URL)'] as const;
export const tokenOption = [
  '--token <token>',
  'the admin token; prefer the environment variable UNSTALE_ADMIN_TOKEN',
] as const;

export interface GatewayOptions {
  readonly gateway?: string;
  readonly token?: string;
}

const DEFAULT_ADMIN_URL = 'http://127.0.0.1:9090';
/** The gateway answers once every node has applied the record. If that takes longer, something is wrong. */
const TIMEOUT_MS = 30_000;

/** Posts JSON to an admin port, whose answer lists targets. @throws CliError saying what to do */
export function postToAdmin<T>(path: string, body: object, options: GatewayOptions, io: CliIo): Promise<T> {
  return askAdmin<T>({ method: 'POST', path, body, has: 'targets' }, options, io);
}

export interface AdminRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** A member of each answer that a gateway gives: another server may also answer with 200. */
  readonly has: string;
}

/** Asks an admin port. @throws CliError saying what to do */
export async function askAdmin<T>(
  { method, path, body, has }: AdminRequest,
  options: GatewayOptions,
  io: CliIo,
): Promise<T> {
  const base = options.gateway ?? io.env.UNSTALE_ADMIN_URL ?? DEFAULT_ADMIN_URL;
  const token = options.token ?? io.env.UNSTALE_ADMIN_TOKEN;
  if (!URL.canParse(path, base))
    throw new CliError(`"${base}" is not a URL: write http://127.0.0.1:9090`, exitCodes.usage);
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL(path, base), {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(token === undefined || token === '' ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    throw new CliError(`cannot reach the admin port at ${base} (${causeOf(error)}): set its URL with --gateway`, 1, {
      cause: error,
    });
  }
  const json = parsed(text);
  if (response.ok && typeof json === 'object' && json !== null && has in json) return json as T;
  throw new CliError(
    refusalOf(response.status, json, base),
    response.status === 400 ? exitCodes.usage : exitCodes.failed,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not a gateway: only the status is known.
    return undefined;
  }
}

interface Problem {
  readonly detail?: string;
  readonly errors?: readonly { readonly at: string; readonly message: string; readonly hint: string }[];
}

function refusalOf(status: number, json: unknown, base: string): string {
  const { detail, errors }: Problem = typeof json === 'object' && json !== null ? json : {};
  if (status === 401) return `${base} requires the admin token: set UNSTALE_ADMIN_TOKEN`;
  if (errors !== undefined) {
    return [
      'the gateway refused the request:',
      ...errors.map(({ at, message, hint }) => `  ${at}: ${message} (${hint})`),
    ].join('\n');
  }
  return `${base} answered ${status}${detail === undefined ? '; is it an admin port?' : `: ${detail}`}`;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
