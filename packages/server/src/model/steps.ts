/**
 * The steps of a request, for log lines and for `tessera explain`. A line of a refusal names the steps up to the one that
 * refused, a line of a success names all of them. The lists are created once, so a line costs only their text.
 */

/** In the order of docs/architecture.md; an endpoint has some of them. */
export type Step =
  /** The method, media type and parameters. */
  | 'parse'
  /** A page's form, its anti-forgery token and the sealed request. */
  | 'open'
  /** The client's credentials, or a bearer token; limits on requests of a network. */
  | 'authenticate'
  /** Whether the client may use this grant. */
  | 'grant'
  /** The key that tokens or codes are bound to. */
  | 'prove'
  /** Where the response may be sent: the client and its `redirect_uri`. */
  | 'target'
  | 'decide'
  | 'sign'
  | 'commit'
  | 'respond'

const token = ['parse', 'authenticate', 'grant', 'prove', 'decide', 'sign', 'commit', 'respond'] as const
const managed = ['authenticate', 'parse', 'decide', 'commit', 'respond'] as const

/** The steps of each endpoint by its name in the log, in order. */
const endpointSteps = {
  token,
  authorize: ['parse', 'target', 'decide', 'sign', 'commit', 'respond'],
  par: ['parse', 'authenticate', 'prove', 'decide', 'commit', 'respond'],
  deviceauthorization: ['parse', 'authenticate', 'grant', 'decide', 'commit', 'respond'],
  introspection: ['parse', 'authenticate', 'decide', 'respond'],
  revocation: ['parse', 'authenticate', 'commit', 'respond'],
  userinfo: ['parse', 'authenticate', 'prove', 'decide', 'respond'],
  register: managed,
  admin: ['authenticate', 'prove', 'grant', 'parse', 'decide', 'commit', 'respond'],
  federation: ['parse', 'authenticate', 'commit', 'respond'],
} as const satisfies Readonly<Record<string, readonly Step[]>>

/** The steps of a page. */
const page = ['parse', 'open', 'decide', 'commit', 'respond'] as const satisfies readonly Step[]

/** Returns all steps of an endpoint. Pages share one list. */
export const stepsOf = (endpoint: string): readonly Step[] =>
  Object.hasOwn(endpointSteps, endpoint) ? endpointSteps[endpoint as keyof typeof endpointSteps] : page

const prefixes = new Map<string, readonly Step[]>()

/**
 * Returns the steps of an endpoint up to and including this one.
 * @param step one that only some requests of the endpoint have, such as the sealed state of its callback, comes second.
 */
export function stepsUpTo(endpoint: string, step: Step): readonly Step[] {
  const key = `${endpoint} ${step}`
  const known = prefixes.get(key)
  if (known) return known
  const all = stepsOf(endpoint)
  const steps = all.includes(step) ? all.slice(0, all.indexOf(step) + 1) : [...all.slice(0, 1), step]
  prefixes.set(key, steps)
  return steps
}
