/** Settings that the server passes to both Node edges: the essential paths, and what to log. */

import type { Configuration } from '../configuration/configuration.ts'
import type { ListenerOptions } from '../http/listener.ts'
import type { MountedOptions } from '../http/mounted.ts'
import type { Log } from '../runtime/ports.ts'

type EdgePorts = { readonly log: Log; readonly probes: readonly string[] }

export function edgeOptions(
  { trustedProxies, trustForwardedHost, mtls }: Configuration,
  { log, probes }: EdgePorts,
): ListenerOptions {
  const essential = new Set(probes)
  return {
    trustedProxies,
    trustForwardedHost,
    mtls,
    essential: path => essential.has(path),
    onUnsendable: (request_id, error) => log.error('answer_unsendable', { request_id, error: String(error) }),
    onStall: milliseconds => log.warn('event_loop_stalled', { milliseconds: Math.round(milliseconds) }),
    onOverload: under_way => log.warn('overloaded', { under_way }),
  }
}

/** Settings for a listener in an application's server. They also log errors in how the application uses it. */
export const mountedOptions = (configuration: Configuration, ports: EdgePorts): MountedOptions => ({
  ...edgeOptions(configuration, ports),
  onBodyRead: (request_id, path) =>
    ports.log.error('request_body_already_read', {
      request_id,
      path,
      fix: 'put Tessera before body parsers such as express.json()',
    }),
  onMisplaced: (path, mount_path) =>
    ports.log.error('listener_misplaced', {
      path,
      mount_path,
      issuer: configuration.issuer,
      fix: 'end the issuer with the mount path, or mount tessera.listener at "/"',
    }),
  onHttp2: () =>
    ports.log.error('listener_http2', {
      fix: 'serve tessera.listener over HTTP/1.1; a proxy can offer HTTP/2',
    }),
})
