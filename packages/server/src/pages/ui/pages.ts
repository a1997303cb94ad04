/** The view functions of all pages: from data to a response. No page needs a script, except for passkeys. */

import { hash } from 'node:crypto'
import { type AccountPages, createAccountPages } from './account-pages.ts'
import { type ClientView, clientLinks } from './client-view.ts'
import { createFieldPages, type FieldPages } from './field-pages.ts'
import { type Ceremony, createMfaPages, type MfaPages } from './mfa-pages.ts'
import { createShow, type Page, type PageForm, type ShowPorts } from './render.ts'
import { type ScopeLine, scopeView } from './scope-text.ts'
import { createSignOutPages, type SignOutPages } from './sign-out-pages.ts'
import type { Texts } from './texts.ts'

export type HomePage = {
  /** The URL of the account page, which requires a sign-in. */
  readonly accountHref: string
  /** The signed-in user, and the URL for signing out. */
  readonly user?: string
  readonly signOut: string
  /** URLs for signing up and for connecting devices, if available. */
  readonly signUp?: string
  readonly device?: string
  /** Links for developers, on their own machine. */
  readonly developers?: { readonly base: string; readonly mail?: string }
}

type LoginPage = {
  readonly form: PageForm
  /** The provider that checks the password; undefined: this server. */
  readonly provider?: string
  /** The field that the form asks for: first the user name, if it determines which provider checks the password. */
  readonly asks: 'username' | 'password' | 'nothing'
  readonly username?: string
  /** Whether the user can choose to stay signed in. */
  readonly keepOffered: boolean
  readonly problem?: Problem | 'away' | 'passkey'
  /** Whether an earlier page expired. */
  readonly restarted?: boolean
  /** For signing in with a passkey, if available. */
  readonly passkey?: Ceremony
  /** URLs for signing up and for resetting the password, if available. */
  readonly signUp?: string
  readonly forgotten?: string
  /** Other options to sign in. */
  readonly others: readonly OtherOption[]
}

/** Without a name: a password of this server. */
type OtherOption = { readonly name?: string; readonly href: string }

type Asking = {
  readonly form: PageForm
  readonly user: string
  readonly scopes: readonly ScopeLine[]
}

type ConsentPage = Asking & {
  /** Whether the decision can be remembered. */
  readonly canRemember: boolean
} & Destination

/** The destination of the response: a host, or an application on the device, identified by its scheme. */
export type Destination =
  | { readonly host: string; readonly isLoopback: boolean }
  | { readonly scheme: string }

/** The input is wrong, or there were too many wrong attempts. */
type Problem = 'wrong' | { readonly waitMinutes: number }

export type DevicePage = {
  readonly form: PageForm
  /** As entered, or prefilled by `verification_uri_complete`. */
  readonly user_code?: string | undefined
  readonly problem?: Problem
}

type DeviceConfirmPage = Asking & { readonly user_code: string }

type ErrorPage = {
  readonly kind: 'request' | 'expired' | 'csrf' | 'gone'
  readonly error: string
  readonly description?: string
  /** A URL of the client. */
  readonly back?: string
}

/** Errors of the edge, which occur before a page or an endpoint receives the request. */
export type EdgeProblem = keyof Texts['error']['edge']

type FederationProblemPage = {
  readonly provider: string
  /** `denied`: the user may not sign in with it; `taken`: it is linked to another user. */
  readonly kind: 'failed' | 'denied' | 'taken'
  /** URLs for trying again, for choosing another option, and for returning to the requester. */
  readonly again?: string
  readonly others?: string
  readonly back: string
}

type SelectAccountPage = {
  readonly form: PageForm
  /** The signed-in user. */
  readonly user: string
}

type FormPostPage = {
  readonly action: string
  readonly fields: readonly (readonly [name: string, value: string])[]
}

export type Pages = SignOutPages &
  FieldPages & {
    readonly home: Page<HomePage>
    readonly login: Page<LoginPage>
    readonly selectAccount: Page<SelectAccountPage>
    readonly consent: Page<ConsentPage>
    readonly device: Page<DevicePage>
    readonly deviceConfirm: Page<DeviceConfirmPage>
    readonly deviceOutcome: Page<'approved' | 'denied' | 'gone'>
    /** Continues to another site without a redirect, which CSP's `form-action` would block after a form post. */
    readonly leaving: Page<{ readonly to: string; readonly href: string }>
    readonly federationProblem: Page<FederationProblemPage>
    readonly formPost: Page<FormPostPage>
    readonly account: AccountPages
    readonly mfa: MfaPages
    /** Errors of the edge: unknown paths, methods, sizes, failures. */
    readonly problem: Page<{ readonly kind: EdgeProblem; readonly home: string }>
    /** The default status is 400. */
    readonly error: Page<ErrorPage>
  }

/** The only script of the form-post page: it submits the form. */
const submitScript = 'document.forms[0].submit()'
const submitScriptHash = `sha256-${hash('sha256', submitScript, 'base64')}`

export function createPages(ports: ShowPorts): Pages {
  const show = createShow(ports)

  return {
    home: (request, data, context = {}) =>
      show(request, 'home', context, texts => ({
        ...data,
        title: texts.home.title(ports.theme.name ?? texts.name),
        lead: data.user === undefined ? texts.home.lead : texts.consent.user(data.user),
        product: ports.theme.home_url && {
          href: ports.theme.home_url,
          text: texts.home.product(new URL(ports.theme.home_url).host),
        },
      })),
    login: (request, data, context = {}) =>
      show(request, 'login', { ...context, withScript: data.passkey !== undefined }, (texts, client) => ({
        ...data,
        title: texts.login.title,
        lead: loginLead(client, data.provider, texts),
        clientLinks: client && clientLinks(client, texts.consent),
        problem: loginProblem(data.problem, texts),
        note: data.restarted && data.problem === undefined ? texts.login.restarted : undefined,
      })),
    selectAccount: (request, data, context = {}) =>
      show(request, 'select-account', context, texts => ({ ...data, title: texts.selectAccount.title })),
    consent: (request, data, context = {}) =>
      show(request, 'consent', context, (texts, client) => ({
        ...data,
        title: texts.consent.title(nameOf(client)),
        scopes: data.scopes.map(scope => scopeView(scope, texts)),
        canChoose: data.scopes.some(scope => !scope.required),
        ...originOf(client, texts),
        goesTo: goesTo(data, texts),
        goesElsewhere:
          client?.document !== undefined && !('host' in data && data.host === client.document.host),
        clientLinks: client && clientLinks(client, texts.consent),
      })),
    device: (request, data, context = {}) =>
      show(request, 'device', context, texts => ({
        ...data,
        title: texts.device.title,
        problem: problemText(data.problem, texts.device),
      })),
    deviceConfirm: (request, data, context = {}) =>
      show(request, 'device-confirm', context, (texts, client) => ({
        ...data,
        title: texts.device.confirmTitle(nameOf(client)),
        ...originOf(client, texts),
        clientLinks: client && clientLinks(client, texts.consent),
        scopes: data.scopes.map(scope => scopeView(scope, texts)),
        canChoose: data.scopes.some(scope => !scope.required),
      })),
    deviceOutcome: (request, outcome, context = {}) =>
      show(request, 'message', context, texts => ({ ...texts.device[outcome], sign: outcome })),
    leaving: (request, { to, href }, { headers, ...context } = {}) =>
      show(request, 'leaving', { ...context, headers: { ...headers, refresh: `0; url=${href}` } }, texts => ({
        title: texts.formPost.title,
        text: texts.formPost.text(to),
        href,
      })),
    federationProblem: (request, { provider, kind, ...data }, context = {}) =>
      show(request, 'federation-problem', context, texts => ({
        ...data,
        title: texts.federation.title(provider),
        text: texts.federation[kind](provider),
        details: [[texts.error.request, request.id]],
      })),
    formPost: (request, data, context = {}) =>
      show(request, 'form-post', { ...context, scriptHash: submitScriptHash }, texts => ({
        ...data,
        title: texts.formPost.title,
        script: submitScript,
      })),
    ...createSignOutPages(show),
    ...createFieldPages(show),
    account: createAccountPages(show),
    mfa: createMfaPages(show),
    problem: (request, { kind, home }, context = {}) =>
      show(request, 'message', context, ({ error }) => ({
        ...error.edge[kind],
        sign: kind === 'notFound' ? 'neutral' : 'error',
        links: [{ href: home, text: error.home }],
        // The request id is also logged, so that users can report it.
        details: kind === 'failed' ? [[error.request, request.id]] : undefined,
      })),
    error: (request, { kind, error, description, back }, context = {}) =>
      show(request, 'message', { status: 400, ...context }, (texts, client) => ({
        title: texts.error.title,
        text: kind === 'request' ? texts.error.lead : texts.error[kind],
        sign: 'error',
        links: back === undefined ? [] : [{ href: back, text: texts.signOut.done.back(nameOf(client)) }],
        details: [
          [texts.error.code, description === undefined ? error : `${error}: ${description}`],
          [texts.error.request, request.id],
        ],
      })),
  }
}

/** A page that asks on behalf of a client always has one. */
const nameOf = (client: ClientView | undefined): string => client?.name ?? ''

/** Returns who publishes the client, if nobody registered it here. */
const originOf = (
  client: ClientView | undefined,
  { consent }: Texts,
): { readonly publisher?: { readonly host: string; readonly text: string } } => {
  if (!client?.document) return {}
  const { host, trust } = client.document
  return { publisher: { host, text: trust === 'allowed' ? consent.published : consent.publishedByStranger } }
}

/** Any program on the device can receive what is sent to a loopback host, so users are warned (RFC 8252 §8.6). */
function goesTo(to: Destination, { consent }: Texts): string {
  if ('scheme' in to) return consent.goesToApp(`${to.scheme}:`)
  return to.isLoopback ? consent.goesToDevice(to.host) : consent.goesTo(to.host)
}

/** Without a client: for this server's own account pages. */
const loginLead = (
  client: ClientView | undefined,
  provider: string | undefined,
  { login, account }: Texts,
): string => {
  if (!client) return provider ? account.leadProvider(provider) : account.lead
  return provider ? login.leadProvider(client.name, provider) : login.lead(client.name)
}

const loginProblem = (problem: LoginPage['problem'], { login, passkey }: Texts): string | undefined => {
  if (problem === 'away') return login.away
  return problem === 'passkey' ? passkey.wrong : problemText(problem, login)
}

const problemText = (
  problem: Problem | undefined,
  texts: Pick<Texts['device'], 'wrong' | 'tooMany'>,
): string | undefined =>
  problem === undefined || problem === 'wrong' ? problem && texts.wrong : texts.tooMany(problem.waitMinutes)
