import { parseArgs } from 'node:util';

export interface DemoArguments {
  readonly help: boolean;
  /** Exit after the scenario, with code 1 if a check failed. */
  readonly once: boolean;
  readonly gateway: Listen;
  readonly admin: Listen;
  readonly apiPort: number;
}

export interface Listen {
  /** As in the configuration: `127.0.0.1:8080`. */
  readonly address: string;
  /** Empty for all interfaces. */
  readonly host: string;
  readonly port: number;
}

export const usage = `usage: npm run demo -- [options]

  --port 8080         port of the gateway, or set UNSTALE_LISTEN=127.0.0.1:8080
  --admin-port 9090   admin port of the gateway, or set UNSTALE_ADMIN_LISTEN=127.0.0.1:9090
  --api-port 4000     port of the travel API
  --once              exit after the scenario (with code 1 if a check failed)

Port 0 means any free port. NO_COLOR=1 disables colours.`;

/**
 * Options take precedence over the variables that gateway.example.yaml reads.
 * @throws Error that names the invalid argument
 */
export function parseArguments(argv: readonly string[], env: NodeJS.ProcessEnv): DemoArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      once: { type: 'boolean', default: false },
      port: { type: 'string' },
      'admin-port': { type: 'string' },
      'api-port': { type: 'string', default: '4000' },
    },
  });
  return {
    help: values.help,
    once: values.once,
    gateway: listenOf('port', values.port, { name: 'UNSTALE_LISTEN', env, port: 8080 }),
    admin: listenOf('admin-port', values['admin-port'], { name: 'UNSTALE_ADMIN_LISTEN', env, port: 9090 }),
    apiPort: portOf('--api-port', values['api-port']),
  };
}

function listenOf(
  option: string,
  value: string | undefined,
  fallback: { name: string; env: NodeJS.ProcessEnv; port: number },
): Listen {
  const host = '127.0.0.1';
  if (value !== undefined) {
    const port = portOf(`--${option}`, value);
    return { address: `${host}:${port}`, host, port };
  }
  // An empty variable counts as unset, as in the configuration's ${NAME:-default}.
  const address = fallback.env[fallback.name] || `${host}:${fallback.port}`;
  const found = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(address);
  if (found === null) throw new Error(`${fallback.name} must be like ${host}:${fallback.port}, not "${address}"`);
  return { address, host: found[1] ?? found[2] ?? '', port: portOf(fallback.name, found[3] ?? '') };
}

function portOf(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Error(`${name} must have a port from 0 to 65535, not "${text}"`);
}
