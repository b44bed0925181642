/** The gateway as a library: `createGateway(loadConfig('gateway.yaml', process.env).config)`. */
export { loadConfig, parseConfig } from './config/load.ts';
export type { GatewayConfig } from './config/model.ts';
export { ConfigError, type Problem } from './config/problem.ts';
export type { Event } from './events/event.ts';
export { createGateway, type Gateway } from './gateway.ts';
