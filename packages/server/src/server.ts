/**
 * The composition root, and what the package offers: the only place where rooms meet.
 * `createTessera` composes a server without a socket; `startServer` listens.
 */

import { randomFillSync } from 'node:crypto'
import type { Route } from '@tessera/protocol/http'
import { createIdTokenHintReader } from './authorization-request/id-token-hint.ts'
import { prompts } from './authorization-request/prompt.ts'
import { responseModes, responseTypes } from './authorization-request/response-mode.ts'
import { createAuthorizationRequestValidator } from './authorization-request/validation.ts'
import { createClientAuthentication } from './client-authentication/authenticate.ts'
import { createCallerAuthentication } from './client-authentication/caller.ts'
import { assertionAlgorithms, authenticationMethodsOf } from './client-authentication/methods.ts'
import { createArgon2id } from './client-authentication/secrets.ts'
import type { Configuration } from './configuration/configuration.ts'
import type { Clock, Log, Random } from './core/runtime.ts'
import type { Stores } from './core/stores.ts'
import { createAuthorizeCallbackEndpoint, createAuthorizeEndpoint } from './endpoints/authorize/authorize.ts'
import { createConsentEndpoint } from './endpoints/consent/consent.ts'
import { createDeviceEndpoint } from './endpoints/device/device.ts'
import { createDeviceAuthorizationEndpoint } from './endpoints/deviceauthorization/deviceauthorization.ts'
import { createDiscoveryEndpoint, discoveryPaths } from './endpoints/discovery/discovery.ts'
import { createMetadata } from './endpoints/discovery/metadata.ts'
import { createHomeEndpoint } from './endpoints/home/home.ts'
import { createIntrospectionEndpoint } from './endpoints/introspection/introspection.ts'
import { createJwksEndpoint } from './endpoints/jwks/jwks.ts'
import { createLoginEndpoint } from './endpoints/login/login.ts'
import { createRefuser } from './endpoints/respond.ts'
import { createRevocationEndpoint } from './endpoints/revocation/revocation.ts'
import { grantsOf } from './endpoints/token/grants/index.ts'
import { createTokenEndpoint } from './endpoints/token/token.ts'
import { validateBy } from './endpoints/token/validate.ts'
import { createUserinfoEndpoint } from './endpoints/userinfo/userinfo.ts'
import { createFetchHandler, type FetchHandler } from './http/fetch.ts'
import { createRouter, type Router } from './http/router.ts'
import { securityHeaders } from './http/security-headers.ts'
import { createProfile } from './identity/profile.ts'
import { createSignIn } from './identity/sign-in.ts'
import { createUsers } from './identity/users.ts'
import { createAttempts } from './interaction/attempts.ts'
import { createAuthorizations } from './interaction/authorization.ts'
import { createContinuations } from './interaction/continuation.ts'
import { createCookies } from './interaction/cookies.ts'
import { createCsrf } from './interaction/csrf.ts'
import { createPaths } from './interaction/paths.ts'
import { createRequesters } from './interaction/requester.ts'
import { createBrowserSessions } from './interaction/session.ts'
import { createUserCodes } from './interaction/user-code.ts'
import { createKeyRing, type KeyInfo, type ManagedKeyRing } from './keys/key-ring.ts'
import { unlock } from './keys/master-key.ts'
import { policyFor } from './keys/rotation.ts'
import { createHealthEndpoint, createReadinessEndpoint } from './operations/health.ts'
import { createLog, type LogLevel } from './operations/log.ts'
import { confirm } from './proof/certificate.ts'
import { createAccessTokens } from './tokens/access-token.ts'
import { createAudiences } from './tokens/audience.ts'
import { createIdTokens } from './tokens/id-token.ts'
import { createRefreshTokens } from './tokens/refresh-token.ts'
import { createTokenVerifier } from './tokens/verification.ts'
import { createPages } from './ui/pages.ts'
import { createStylesheet } from './ui/stylesheet.ts'
import { createTemplates } from './ui/templates.ts'

export { defineConfig } from './configuration/define.ts'
export { loadConfiguration } from './configuration/load.ts'
export { parseConfiguration } from './configuration/parse.ts'
export { defineGrant } from './core/extension-grant.ts'
export { jwtBearer } from './endpoints/token/grants/jwt-bearer.ts'
export { tokenExchange } from './endpoints/token/grants/token-exchange.ts'

export type Surroundings = {
  readonly log?: Log
  readonly clock?: Clock
  readonly random?: Random
  /** A store that is open already; the caller closes it. */
  readonly stores?: Stores
}

/** A composed server without a socket. */
export type Tessera = {
  readonly issuer: string
  readonly routes: readonly Route[]
  readonly handle: Router
  /** For mounting in another framework. */
  readonly fetch: FetchHandler
  readonly stores: Stores
  readonly keys: ManagedKeyRing
  /** From here on `/readyz` answers 503. */
  readonly drain: () => void
  readonly close: () => Promise<void>
}

const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) }

/** Opens the store, makes what keys are missing and joins everything; throws where the store or the master key does not fit. */
export async function createTessera(
  configuration: Configuration,
  surroundings: Surroundings = {},
): Promise<Tessera> {
  const { issuer, clients, resources, identityProviders, tenants } = configuration
  const { clock = systemClock, random = pooledRandom(), log = silent } = surroundings
  const stores = surroundings.stores ?? (await openStores(configuration, log))
  const derived = await unlock({
    configured: configuration.masterKey,
    storage: configuration.storage,
    settings: stores.settings,
    log,
  })
  const keys = await createKeyRing({
    keys: stores.keys,
    derived,
    clock,
    log,
    algorithms: configuration.signingAlgorithms,
    policy: policyFor(configuration.clients),
  })
  await stores.standing.sync({
    clients: [...clients.all()].map(({ client_id: id, enabled: stands }) => ({ id, stands })),
    users: configuration.users.map(({ sub: id, active: stands }) => ({ id, stands })),
  })
  let draining = false

  const verifyArgon2id = createArgon2id()
  const users = createUsers(configuration.users, { random, verifyArgon2id })
  const vouched = configuration.validators.password !== undefined || configuration.grants.length > 0
  const profile = createProfile({ users, profile: configuration.profile, vouched })
  const signIn = createSignIn({
    users,
    profile,
    identityProviders,
    tenants,
    validator: configuration.validators.password,
    clock,
  })
  const verifier = createTokenVerifier({ issuer, keys, clock, clients, stores })
  const authentication = createClientAuthentication({
    clients,
    replays: stores.replays,
    clock,
    issuer,
    tokenEndpoint: `${issuer}/connect/token`,
    compatibility: configuration.compatibility,
    verifyArgon2id,
  })
  const invalidClientStatus = configuration.compatibility === 'identityserver4' ? 400 : 401
  const refuserOf = (endpoint: string) => createRefuser(endpoint, { log, invalidClientStatus })
  const grants = grantsOf({
    checksPasswords:
      configuration.users.length > 0 ||
      configuration.validators.password !== undefined ||
      [...identityProviders.values()].some(({ credentialAuthority }) => credentialAuthority !== undefined),
    extensions: configuration.grants,
    trustedIssuers: configuration.trustedIssuers,
  })

  const tokens = {
    audiences: createAudiences({ issuer, resources }),
    accessTokens: createAccessTokens({
      issuer,
      keys,
      random,
      scopeAsList: configuration.compatibility === 'identityserver4',
    }),
    idTokens: createIdTokens({ issuer, keys, clock }),
    refreshTokens: createRefreshTokens({ derived }),
  }
  const cookies = createCookies({ issuer })
  const stylesheet = createStylesheet()
  const paths = createPaths({ issuer })
  const ports = {
    ...{
      issuer,
      clients,
      resources,
      identityProviders,
      tenants,
      users,
      profile,
      stores,
      keys,
      clock,
      random,
      log,
    },
    ...tokens,
    ...{ signIn, verifier, paths },
    authenticate: authentication,
    pages: createPages({ render: createTemplates(), stylesheet: paths(stylesheet.path) }),
    continuations: createContinuations({ derived, clock }),
    csrf: createCsrf({ derived, random, cookies }),
    sessions: createBrowserSessions({ stores, cookies, clock, random }),
    validate: createAuthorizationRequestValidator({
      ...{ clients, resources, identityProviders, tenants },
      readIdTokenHint: createIdTokenHintReader({ issuer, keys }),
    }),
    userCodes: createUserCodes({ derived, random }),
    attempts: createAttempts({ clock }),
    createAuthorization: createAuthorizations({ users, clock, random }),
    emitStateHash: configuration.emitStateHash,
  }
  const interactive = { ...ports, findRequester: createRequesters(ports) }
  const { tokenRequest } = configuration.validators
  const tokenEndpoint = createTokenEndpoint({
    ...ports,
    grants,
    confirm,
    validate: tokenRequest && validateBy(tokenRequest),
    refuser: refuserOf('token'),
    findClient: clients.find,
    extension: {
      ...{ issuer, log },
      verifyAccessToken: async token => {
        const verified = await verifier.verifyAccessToken(token)
        return verified.ok ? verified.value : undefined
      },
      user: async sub => {
        const user = await users.find(sub)
        return user?.active ? user : undefined
      },
    },
  })
  const metadata = createMetadata({
    ...{ issuer, clients, resources },
    grantTypes: grants.map(({ grantType }) => grantType),
    responseTypes,
    responseModes,
    prompts,
    signingAlgorithms: keys.algorithms(),
    authenticationMethods: authenticationMethodsOf({ mtls: configuration.mtls }),
    assertionAlgorithms,
    mtls: configuration.mtls !== undefined,
  })
  const discovery: Omit<Route, 'path'> = {
    methods: ['GET'],
    endpoint: createDiscoveryEndpoint(metadata),
    cors: 'any',
  }
  const { below, before } = discoveryPaths(issuer)
  const base = new URL(issuer).pathname.replace(/\/$/, '')

  const underIssuer: readonly Route[] = [
    ...below.map(path => ({ ...discovery, path })),
    {
      path: '/.well-known/openid-configuration/jwks',
      methods: ['GET'],
      endpoint: createJwksEndpoint({ keys }),
      cors: 'any',
    },
    { path: '/connect/token', methods: ['POST'], endpoint: tokenEndpoint, cors: 'clients' },
    {
      path: '/connect/introspect',
      methods: ['POST'],
      endpoint: createIntrospectionEndpoint({
        ...ports,
        authenticateCaller: createCallerAuthentication({
          ...ports,
          verifyArgon2id,
          compatibility: configuration.compatibility,
        }),
        refuser: refuserOf('introspection'),
      }),
    },
    {
      path: '/connect/revocation',
      methods: ['POST'],
      endpoint: createRevocationEndpoint({ ...ports, refuser: refuserOf('revocation') }),
      cors: 'clients',
    },
    {
      path: '/connect/userinfo',
      methods: ['GET', 'POST'],
      endpoint: createUserinfoEndpoint(ports),
      cors: 'clients',
    },
    {
      path: '/connect/deviceauthorization',
      methods: ['POST'],
      endpoint: createDeviceAuthorizationEndpoint({ ...ports, refuser: refuserOf('deviceauthorization') }),
      cors: 'clients',
    },
    { path: '/connect/authorize', methods: ['GET', 'POST'], endpoint: createAuthorizeEndpoint(interactive) },
    {
      path: '/connect/authorize/callback',
      methods: ['GET'],
      endpoint: createAuthorizeCallbackEndpoint(interactive),
    },
    { path: '/login', methods: ['GET', 'POST'], endpoint: createLoginEndpoint(interactive) },
    { path: '/consent', methods: ['GET', 'POST'], endpoint: createConsentEndpoint(interactive) },
    { path: '/device', methods: ['GET', 'POST'], endpoint: createDeviceEndpoint(interactive) },
    { path: '/', methods: ['GET'], endpoint: createHomeEndpoint(ports) },
    stylesheet.route,
  ]
  const routes: readonly Route[] = [
    ...underIssuer.map(route => ({ ...route, path: base + route.path })),
    ...before.map(path => ({ ...discovery, path })),
    { path: '/healthz', methods: ['GET'], endpoint: createHealthEndpoint() },
    {
      path: '/readyz',
      methods: ['GET'],
      endpoint: createReadinessEndpoint({ ready: stores.ready, draining: () => draining }),
    },
  ]
  const origins = new Set([...clients.all()].flatMap(client => client.allowed_cors_origins))
  const handle = createRouter({
    routes,
    headers: securityHeaders(issuer),
    isAllowedOrigin: origin => origins.has(origin),
    onError: (request, error) =>
      log.error('request_failed', {
        request_id: request.id,
        path: request.path,
        error: String(error),
        stack: (error as Error)?.stack,
      }),
  })

  return {
    ...{ issuer, routes, handle, stores, keys },
    fetch: createFetchHandler(handle),
    drain: () => {
      draining = true
    },
    async close() {
      keys.stop()
      if (!surroundings.stores) await stores.close()
    },
  }
}

/** A listening server. */
export type Server = { readonly url: string; readonly close: () => Promise<void> }

/** Composes and listens; expired rows are cleaned up as it goes. `close` drains first. */
export async function startServer(
  configuration: Configuration,
  { log = logFromEnvironment() }: { log?: Log } = {},
): Promise<Server> {
  const [tessera, { listen }] = await Promise.all([
    createTessera(configuration, { log }),
    import('./http/fastify.ts'),
  ])
  const { host, port, mtls } = configuration
  const { url, close } = await listen(tessera.handle, tessera.routes, { host, port, mtls })
  const cleaner = cleanUpRegularly(tessera.stores, log)
  return {
    url,
    async close() {
      tessera.drain()
      clearInterval(cleaner)
      await close()
      await tessera.close()
    },
  }
}

/** The signing keys of a configuration's store, for the command line. */
export async function openKeys(configuration: Configuration): Promise<{
  readonly list: () => Promise<readonly KeyInfo[]>
  readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  readonly close: () => Promise<void>
}> {
  const log = logFromEnvironment()
  const stores = await openStores(configuration, log)
  const derived = await unlock({
    configured: configuration.masterKey,
    storage: configuration.storage,
    settings: stores.settings,
    log,
  })
  const keys = await createKeyRing({
    keys: stores.keys,
    derived,
    clock: systemClock,
    log,
    algorithms: configuration.signingAlgorithms,
    policy: policyFor(configuration.clients),
  })
  return {
    list: async () => keys.list(),
    rotate: keys.rotate,
    async close() {
      keys.stop()
      await stores.close()
    },
  }
}

async function openStores({ storage }: Configuration, log: Log): Promise<Stores> {
  if (storage.kind === 'memory') return (await import('./stores/memory/stores.ts')).createMemoryStores()
  if (storage.kind === 'sqlite')
    return (await import('./stores/sqlite/stores.ts')).openSqliteStores({ file: storage.file, log })
  throw new Error('PostgreSQL storage is not there yet: use "sqlite:FILE" or "memory:"')
}

const cleanUpSeconds = 30
/** How long an expired row still explains itself (`expired_token` rather than `invalid_grant`). */
const graceSeconds = 900

function cleanUpRegularly(stores: Stores, log: Log): NodeJS.Timeout {
  const timer = setInterval(() => {
    stores
      .cleanUp(systemClock.now() - graceSeconds)
      .catch(error => log.error('clean_up_failed', { error: String(error) }))
  }, cleanUpSeconds * 1000)
  return timer.unref()
}

/** Slices of a pool: 32 random bytes at a fraction of a system call's price. */
function pooledRandom(): Random {
  const pool = Buffer.allocUnsafe(8192)
  let used = pool.length
  return {
    bytes(count) {
      if (used + count > pool.length) {
        randomFillSync(pool)
        used = 0
      }
      used += count
      return Uint8Array.prototype.slice.call(pool, used - count, used)
    },
  }
}

const logFromEnvironment = (): Log =>
  createLog({ level: (process.env.TESSERA_LOG_LEVEL ?? 'info') as LogLevel })

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
