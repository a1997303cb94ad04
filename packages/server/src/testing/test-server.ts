/** A test server: its interface, and its start. */

import type { KeyInfo } from '../keys/key-state.ts'
import type { Mail } from '../model/mail.ts'
import { type Changes, createChanges } from './changes.ts'
import { createMovableClock, type TestClock } from './clock.ts'
import {
  createMasterKey,
  parseTestConfiguration,
  portOf,
  refuseRealUse,
  type TestConfiguration,
  withDefaults,
} from './configuration.ts'
import { listenOnLoopback } from './edge.ts'
import { type ExpireTarget, expire, type RevokeTarget, revoke, signOut } from './endings.ts'
import { createFaults, type Faults } from './faults.ts'
import { type RotateKeysOptions, rotateKeys } from './key-rotation.ts'
import { createListLog, type LogEntry } from './log.ts'
import { createRecordedOutbound, type SentRequest } from './outgoing.ts'
import { createRequests, type ReceivedRequest } from './requests.ts'
import { createKeySequence, type Running, startRunning } from './running.ts'
import { createTestBrowser, type SignedIn, type SignInOptions, type TestBrowser } from './sign-in.ts'
import {
  type IssuedTokens,
  issueToken,
  issueTokens,
  type TokenOptions,
  type TokensOptions,
} from './tokens.ts'

export type TestServerOptions = TestConfiguration & {
  /** Called for each line of the log, for example `console.log`. */
  readonly onLog?: (entry: LogEntry) => void
}

export type TestServer = Changes & {
  /** The issuer, which is also the address that the server listens at. */
  readonly issuer: string
  readonly clock: TestClock
  readonly faults: Faults
  /** Requests that the server received by HTTP, the oldest first. */
  readonly requests: readonly ReceivedRequest[]
  /** Requests that the server sent, such as logout tokens. */
  readonly sent: readonly SentRequest[]
  /** The log. A refusal has the event `refused` and its `reason` (docs/reasons.md). */
  readonly log: readonly LogEntry[]
  /** Resolves to the mails to users, the oldest first. They are not sent. */
  readonly mails: () => Promise<readonly Mail[]>
  /** Issues an access token without a request. Can also create one that an API must refuse. */
  readonly token: (options?: TokenOptions) => Promise<string>
  /** Issues all tokens that the token endpoint would return. */
  readonly tokens: (options?: TokensOptions) => Promise<IssuedTokens>
  /** Returns a simulated browser in which no user is signed in yet. */
  readonly browser: () => TestBrowser
  /** Signs in with a new browser, at an authorization URL or at an address of the application that leads to one. */
  readonly signIn: (url: string | URL, options?: SignInOptions) => Promise<SignedIn>
  /** Allows or denies a device with a new browser (RFC 8628 §3.3). */
  readonly approveDevice: (userCode: string, options?: SignInOptions) => Promise<void>
  /** Revokes tokens. Resolves to how many tokens or authorizations were revoked. */
  readonly revoke: (target: RevokeTarget) => Promise<number>
  /** Lets one token, code or session expire without moving the clock. */
  readonly expire: (target: ExpireTarget) => Promise<void>
  /** Ends all sessions of a user, or one by its `sid`, and notifies their clients. Resolves to how many ended. */
  readonly signOut: (target: string | { readonly sid: string }) => Promise<number>
  /** Starts to sign with new keys. Resolves to the published keys. */
  readonly rotateKeys: (options?: RotateKeysOptions) => Promise<readonly KeyInfo[]>
  /** Resets the server to its state after the start, at the same address and with the same keys. */
  readonly reset: () => Promise<void>
  /** Stops listening, and closes every connection. */
  readonly close: () => Promise<void>
} & AsyncDisposable

/**
 * Starts an identity provider in memory, on a free port of loopback. Rejects in production, for an issuer that is not
 * loopback, and for an invalid configuration; nothing is left listening then.
 */
export async function startTestServer({ onLog, ...options }: TestServerOptions = {}): Promise<TestServer> {
  refuseRealUse(options)
  const initial = withDefaults(options)
  const masterKey = createMasterKey()
  const clock = createMovableClock()
  const keys = createKeySequence()
  const log = createListLog(onLog)
  const { outbound, sent } = createRecordedOutbound()
  const mails: Mail[] = []
  let running: Running | undefined
  let input = initial

  const base = (): string => new URL(current().tessera.issuer).pathname.replace(/\/$/, '')
  const requests = createRequests(base)
  const { take, ...faults } = createFaults(base)
  const edge = await listenOnLoopback(portOf(initial), { requests, take })
  const parse = (next: TestConfiguration) =>
    parseTestConfiguration(next, { port: edge.port, masterKey, now: clock.now() })

  function current(): Running {
    if (running) return running
    throw new Error('the test server is closed')
  }

  /** Starts a server with empty stores, and serves it instead of the one before. */
  async function begin(): Promise<void> {
    const before = running
    input = initial
    const next = await startRunning(parse(initial), {
      clock,
      log: log.log,
      outbound,
      sendMail: async mail => void mails.push(mail),
      generateSigningKey: keys.next(),
    })
    running = next
    await edge.serve(next.tessera, log.log)
    await before?.tessera.close()
  }

  async function close(): Promise<void> {
    if (!running) return
    const { tessera } = running
    running = undefined
    await edge.close()
    await tessera.close()
  }

  /** Does the work that is due when the clock has jumped. */
  async function catchUp(): Promise<void> {
    const { tessera } = current()
    await tessera.keys.refresh()
    await tessera.runLogouts()
    await tessera.runMails()
  }

  try {
    await begin()
  } catch (error) {
    await edge.close()
    throw error
  }
  const browser = (): TestBrowser => createTestBrowser(current, log.lastReason)

  return {
    issuer: current().tessera.issuer,
    clock: {
      now: clock.now,
      freeze: clock.freeze,
      async advance(seconds) {
        if (!(seconds >= 0))
          throw new RangeError(`clock.advance: ${seconds} is not a number of seconds from now`)
        clock.move(seconds)
        await catchUp()
      },
      async set(time) {
        clock.set(time)
        await catchUp()
      },
    },
    faults,
    requests: requests.list,
    sent,
    log: log.entries,
    async mails() {
      await current().tessera.settled()
      return [...mails]
    },
    token: async (options = {}) => issueToken(current(), options),
    tokens: async (options = {}) => issueTokens(current(), options),
    browser,
    signIn: async (url, options) => browser().signIn(url, options),
    approveDevice: async (userCode, options) => browser().approveDevice(userCode, options),
    revoke: async target => revoke(current(), target),
    expire: async target => expire(current(), target),
    signOut: async target => signOut(current(), target),
    rotateKeys: async (options = {}) => rotateKeys(current(), options),
    ...createChanges(
      () => input,
      async next => {
        refuseRealUse(next)
        await current().tessera.replace(parse(next))
        input = next
      },
    ),
    async reset() {
      current()
      clock.reset()
      faults.clear()
      await begin()
      for (const list of [requests.list, sent, log.entries, mails]) (list as unknown[]).splice(0)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
