/**
 * The functions of `node:http`. An import statement evaluates every export of a built-in module, and three of these
 * (`WebSocket` and its events) load Node's client for `fetch`, which takes 50 ms of CPU at each start.
 */
export const { createServer, STATUS_CODES, validateHeaderValue } = process.getBuiltinModule('node:http')
