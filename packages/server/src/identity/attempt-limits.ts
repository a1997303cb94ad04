/** Limits on mail, client assertions and pending requests, counted as attempts. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { type Client, isPublic } from '../model/client.ts'
import { networkKeys, networkOf } from '../runtime/network.ts'
import { type AttemptKey, type CountAttempt, type Counted, doCounted, type Forgive } from './attempts.ts'
import { countedKeys, type MailReason, type NotifiedChange } from './counted-keys.ts'

const hour = 3600

type MailCount =
  | {
      /** False if this address has received enough mail. The response must be the same in both cases. */
      readonly send: boolean
      /** Undoes both counts, because the mail was lost before it was stored. */
      readonly forgive: Forgive
      /** Undoes the count of the address only, because no mail was sent. The request of the network still counts. */
      readonly unsent: Forgive
    }
  | { readonly wait: Seconds }

/** Counts a mail to an address that strangers can type. */
export type CountMail = (reason: MailReason, from: string, address: string) => Promise<MailCount>

/**
 * Counts a request to reset a password, for the account under any of its names and for its address.
 * @param find resolves to the account, with the address that gets the mail; called only if the network has not reached its limit.
 */
export type CountPasswordReset = (
  from: string,
  typed: string,
  find: () => Promise<{ readonly sub: string; readonly address: string | undefined } | undefined>,
) => Promise<MailCount>

type MailCounter = { readonly countMail: CountMail; readonly countPasswordReset: CountPasswordReset }

const mostMailsToAddress = 5
const mostMailsFromNetwork = 50

const limitOf = (key: string): AttemptKey => ({ key, most: mostMailsToAddress, span: hour })

const addressLimit = (reason: MailReason, to: string): AttemptKey => limitOf(countedKeys.mailTo(reason, to))

/** Limits mail that strangers can trigger, per hour: of each kind to one address, and in total from one network. */
export function createMailCounter({ countAttempt }: { countAttempt: CountAttempt }): MailCounter {
  const count = async (from: string, limitsOf: () => Promise<readonly AttemptKey[]>): Promise<MailCount> => {
    const network = await countAttempt(networkKeys('mail', from, { most: mostMailsFromNetwork, span: hour }))
    if (!network.ok) return { wait: network.wait }
    const address = await doCounted(
      network.forgive,
      async () => countAttempt(await limitsOf()),
      () => true,
    )
    const unsent = address.ok ? address.forgive : async () => {}
    const forgive = async () => {
      await Promise.all([network.forgive(), unsent()])
    }
    return { send: address.ok, forgive, unsent }
  }
  return {
    countMail: (reason, from, address) => count(from, async () => [addressLimit(reason, address)]),
    countPasswordReset: (from, typed, find) =>
      count(from, async () => {
        const found = await find()
        // Typed text shares no count with accounts and addresses: it may be the `sub` of an account, which is public, or an
        // address that has an account of another tenant only.
        if (!found) return [limitOf(countedKeys.passwordResetOfName(typed))]
        const { sub, address } = found
        return [
          limitOf(countedKeys.passwordResetOfAccount(sub)),
          ...(address === undefined ? [] : [addressLimit('new_password', address)]),
        ]
      }),
  }
}

/** Resolves to a function that undoes the count; undefined if the address has received enough notifications of this kind. */
export type CountNotification = (change: NotifiedChange, to: string) => Promise<Forgive | undefined>

/**
 * Limits notifications of changes that users make to their own accounts: in a loop they would fill the queue, so that the
 * mail of others is lost. The network is not counted, because the owner must learn of a change from any network.
 */
export const createNotificationCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountNotification =>
  async (change, to) => {
    const counted = await countAttempt([addressLimit(change, to)])
    return counted.ok ? counted.forgive : undefined
  }

/** Counts an assertion whose `jti` is stored for `kept` seconds. */
type CountAssertion = (client: Client, request: HttpRequest, kept: Seconds) => Promise<Counted>

/** Maximum number of assertions of each kind, within the time for which their ids are stored. */
const mostAssertions = 2640

/** The same for all registered clients of one network. Several tenants of a hosting provider may share an address. */
const mostOfNetwork = 10 * mostAssertions

/** Four per second, for the lifetimes of up to ten minutes that most clients use. */
const shortAssertion: Seconds = 960

/**
 * Limits how many assertions a self-registered client can authenticate with. The `jti` of each is stored until the
 * assertion expires (RFC 7523 §3), so without a limit one client could fill the store. Anyone can make any
 * number of sealed clients, and a host can publish any number of clients, so sealed clients and those of unknown hosts are
 * also counted together, by network. So are other clients that nobody vouched for, because one network can register
 * hundreds.
 */
export const createAssertionCounter =
  ({
    countAttempt,
    longest,
  }: {
    readonly countAttempt: CountAttempt
    /** Maximum time for which an id is stored. */
    readonly longest: Seconds
  }): CountAssertion =>
  async ({ client_id, registered }, request, kept) => {
    if (registered === undefined) return { ok: true, forgive: async () => {} }
    // Separate counts: long-lived assertions must not use up the limit of short-lived ones, and must be counted for as
    // long as they are stored.
    const [isShort, from] = [kept <= shortAssertion, networkOf(request)]
    const limit = { most: mostAssertions, span: isShort ? 660 : longest }
    const isMade = isMadeByAnyone(registered)
    const ofNetwork = isMade ? limit : { ...limit, most: mostOfNetwork }
    const networks = isShort
      ? networkKeys(isMade ? 'client assertion' : 'registered client assertion', from, ofNetwork)
      : networkKeys(isMade ? 'long client assertion' : 'long registered client assertion', from, ofNetwork)
    return countAttempt([
      isShort
        ? { key: `client assertion of ${client_id}`, ...limit }
        : { key: `long client assertion of ${client_id}`, ...limit },
      ...(isMade || !registered.trusted ? networks : []),
    ])
  }

/** Returns whether one stranger can make any number of such clients, without a row for each. */
const isMadeByAnyone = ({ document, sealed }: NonNullable<Client['registered']>): boolean =>
  document?.trust === 'unknown' || sealed === true

/**
 * Counts a reference token of a client itself: no user's authorization bounds their number. Refuses
 * `temporarily_unavailable`.
 * @param from the network of the request.
 * @param lifetime of the token.
 */
export type CountClientToken = (client: Client, from: string, lifetime: Seconds) => Promise<Result<Forgive>>

/** As many as of one authorization. */
const mostClientTokens = 1000

/**
 * Limits the reference tokens of a self-registered client that are valid at the same time. Each is a row, and anyone can
 * register clients, so those that nobody vouched for are also counted by network, in the proportions of their assertions.
 */
export const createClientTokenCounter =
  ({ countAttempt }: { readonly countAttempt: CountAttempt }): CountClientToken =>
  async ({ client_id, registered, access_token_lifetime }, from, lifetime) => {
    if (registered === undefined) return ok(async () => {})
    // A count must last as long as the rows that it counts. A token that ends early must not get a count of its own.
    const span = Math.max(lifetime, access_token_lifetime)
    const ofNetwork = isMadeByAnyone(registered) ? mostClientTokens : 10 * mostClientTokens
    const counted = await countAttempt([
      { key: `reference token for ${span} s of ${client_id}`, most: mostClientTokens, span },
      ...(registered.trusted
        ? []
        : networkKeys(`client's reference token for ${span} s`, from, { most: ofNetwork, span })),
    ])
    return counted.ok
      ? ok(counted.forgive)
      : refuse('temporarily_unavailable', 'client_tokens_too_often', {
          description: 'too many tokens of this client are valid; use an access token until it expires',
          retry_after: counted.wait,
        })
  }

/** Counts a pending request. Refuses `temporarily_unavailable` if the network has too many of them. */
export type CountPending = (
  request: HttpRequest,
  client: Client,
  pending: {
    readonly kind: 'pushed request' | 'device authorization' | 'long request'
    readonly lifetime: Seconds
  },
) => Promise<Result<Forgive>>

/**
 * Limits the rows that strangers can create: pushed requests (RFC 9126) and device authorizations (RFC 8628 §5.2) of public
 * or self-registered clients, and long authorization requests, which any browser can send.
 */
export const createPendingCounter =
  ({
    countAttempt,
    mostPending: most,
  }: {
    readonly countAttempt: CountAttempt
    readonly mostPending: number
  }): CountPending =>
  async (request, client, { kind, lifetime: span }) => {
    // A confidential client sends the requests of all its users from one network.
    if (kind !== 'long request' && !isPublic(client) && client.registered === undefined)
      return ok(async () => {})
    // Each lifetime has its own count, because a count must last as long as the rows that it counts.
    const counted = await countAttempt(
      networkKeys(`${kind} for ${span} s`, networkOf(request), { most, span }),
    )
    return counted.ok
      ? ok(counted.forgive)
      : refuse('temporarily_unavailable', 'too_many_waiting', {
          description: 'Too many requests from this network are pending; try again later',
          retry_after: counted.wait,
        })
  }
