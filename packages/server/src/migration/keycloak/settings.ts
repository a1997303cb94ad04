/** Settings of a realm: accounts, sessions, mail, and defaults of clients. */

import { flag, integer } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, entries, expectValue, isMasked, leaveOut, leaveOutAll, notNeeded } from '../outcomes.ts'
import { membersOf, own, textOf } from '../raw.ts'
import type { Source } from '../source.ts'
import type { ClientDefaults } from './clients.ts'
import { flowSettings, otherSettings, unneededSettings, usualSettings } from './setting-outcomes.ts'

export function readSettings(source: Source, { server }: Draft): ClientDefaults {
  readBranding(source, server)
  readAccounts(source, server)
  readSessions(source, server)
  readMail(source.member('smtpServer'), server)
  readIssuer(source, server)
  for (const [name, [usual, why]] of Object.entries(usualSettings))
    expectValue(source.member(name), usual, why)
  readFlows(source)
  const listeners = source.member('eventsListeners')
  if (JSON.stringify(listeners.whole()) === '["jboss-logging"]') listeners.notNeeded('events go to the log')
  else leaveOut(listeners, 'events go to the log, and to webhooks (docs/guides/events.md)')
  const reuse = source.member('revokeRefreshToken')
  if (reuse.flag() === false) reuse.changed('a refresh token is used once: clients have to store the new one')
  else reuse.notNeeded('a refresh token is used once')
  leaveOutAll(source, otherSettings)
  notNeeded(source, unneededSettings, 'it has no effect here')
  return readDefaults(source)
}

/** Flows of Keycloak itself need nothing. */
function readFlows(source: Source): void {
  const why = 'there are no flows: sign-in follows from mfa, identity_providers and hooks'
  for (const [name, usual] of Object.entries(flowSettings)) expectValue(source.member(name), [usual], why)
  const flows = source.member('authenticationFlows')
  for (const flow of elements(flows))
    if (own(membersOf(flow.whole()), 'builtIn') === true) flow.notNeeded('it is a flow of Keycloak itself')
    else flow.notPossible(why)
}

function readBranding(source: Source, server: Target): void {
  const name = source.member('displayName')
  if (name.whole() === '') name.notNeeded('it is empty')
  else if (name.exists) {
    const text = name.text()
    if (text === undefined) return
    server.set('branding', { name: text })
    name.carriedOver(server.at('branding', 'name'))
  }
}

/** The issuer is the address of the realm, if the file has the address of the server. */
function readIssuer(source: Source, server: Target): void {
  const attributes = source.member('attributes')
  const address = source.member('realm')
  const name = address.text() ?? ''
  const front = attributes.exists ? attributes.member('frontendUrl') : undefined
  const url = textOf(front?.whole())
  if (front && url !== undefined && /^https?:\/\//.test(url)) {
    server.set('issuer', `${url.replace(/\/+$/, '')}/realms/${name}`)
    front.changed('it is part of the issuer', server.at('issuer'))
    address.changed('it is part of the issuer', server.at('issuer'))
  } else {
    front?.notNeeded('it is empty')
    address.notPossible(
      `the file does not contain the address of the server: write "issuer", which ends in /realms/${/^[\w.-]+$/.test(name) ? name : 'NAME'} if tokens keep theirs`,
    )
  }
  if (!attributes.exists) return
  for (const [name, member] of entries(attributes))
    if (name === 'frontendUrl') continue
    else if (/^(ciba|acr\.)/.test(name) || name === 'parRequestUriLifespan')
      member.notNeeded('it has no setting here')
    else if (ownAttributes.test(name)) member.notNeeded('it is read from the realm, or empty')
    else leaveOut(member, 'realms have no other attributes here')
}

/** Attributes that repeat members of the realm. */
const ownAttributes =
  /^(oauth2Device|realmReusableOtpCode|client(Session|OfflineSession)|actionToken|_browser|webAuthn|shortVerificationUri|displayName|bruteForce|permanentLockout|maxFailure|minimumQuick|waitIncrement|quickLogin|maxDelta|failureFactor|defaultSignature|offlineSession)/

function readAccounts(source: Source, server: Target): void {
  const accounts: Record<string, unknown> = {}
  const at = (key: string) => server.at('accounts', key)
  const put = (member: Source, key: string, value: unknown) => {
    accounts[key] = value
    member.carriedOver(at(key))
  }
  const signUp = source.member('registrationAllowed')
  const verify = source.member('verifyEmail')
  const byAddress = source.member('registrationEmailAsUsername')
  const reset = source.member('resetPasswordAllowed')
  if (signUp.flag() === true) {
    put(signUp, 'sign_up', true)
    const needsProof = verify.whole() === true || byAddress.whole() === true
    accounts.email_verification = needsProof ? 'required' : 'off'
    const why = needsProof
      ? 'a new account has its verified address as name'
      : 'a new account has a name, and its address is not verified'
    verify.changed(why, at('email_verification'))
    byAddress.changed(why, at('email_verification'))
  } else {
    signUp.notNeeded('it is off')
    notNeeded(source, ['verifyEmail', 'registrationEmailAsUsername'], 'nobody can create an account')
  }
  if (reset.exists && reset.flag() !== undefined) put(reset, 'password_reset', reset.flag())
  readPolicy(source.member('passwordPolicy'), accounts, at)
  if (Object.keys(accounts).length > 0) server.set('accounts', accounts)
}

/** `length(10) and notUsername(undefined) and …` */
function readPolicy(
  source: Source,
  accounts: Record<string, unknown>,
  at: (key: string) => ReturnType<Target['at']>,
): void {
  const text = source.text()
  if (text === undefined) return
  const rules = text.split(/\s+and\s+/).filter(rule => rule !== '')
  const length = Number(
    /^length\((\d{1,4})\)$/.exec(rules.find(rule => rule.startsWith('length(')) ?? '')?.[1],
  )
  const hasLength = length >= 8 && length <= 64
  if (hasLength) accounts.password_policy = { min_length: length }
  const known =
    /^(length|notUsername|notEmail|hashAlgorithm|hashIterations|maxLength|passwordBlacklist|notContainsUsername)\(/
  const others = rules.filter(rule => !known.test(rule)).map(rule => rule.replace(/\(.*/, ''))
  if (rules.length === 0) source.notNeeded('it is empty')
  else if (others.length > 0)
    source.changed(
      `new passwords have a minimum length, and are not common or like the name; there is no ${others.join(', ')}`,
      at('password_policy'),
    )
  else
    source.changed(
      'new passwords have a minimum length, and are not common or like the name',
      at('password_policy'),
    )
}

function readSessions(source: Source, server: Target): void {
  const sessions: Record<string, unknown> = {}
  const put = (name: string, key: string, convert: typeof integer | typeof flag = integer) => {
    const member = source.member(name)
    const value = member.whole()
    if (value === 0) member.notNeeded('it is off')
    else {
      const read = (convert as typeof integer)(member, server.at('sessions', key))
      if (read !== undefined) sessions[key] = read
    }
  }
  put('ssoSessionMaxLifespan', 'absolute_lifetime')
  put('ssoSessionIdleTimeout', 'idle_lifetime')
  const remember = source.member('rememberMe')
  if (remember.whole() === false) remember.notNeeded('it is off')
  else put('rememberMe', 'keep_signed_in', flag)
  put('ssoSessionIdleTimeoutRememberMe', 'keep_signed_in_lifetime')
  leaveOut(source.member('ssoSessionMaxLifespanRememberMe'), 'keep_signed_in_lifetime is the whole lifetime')
  if (Object.keys(sessions).length > 0) server.set('sessions', sessions)
}

function readMail(source: Source, server: Target): void {
  if (!source.exists) return
  const values = membersOf(source.whole())
  const [host, from, name] = ['host', 'from', 'fromDisplayName'].map(key => textOf(own(values, key)) ?? '')
  if (!host || !from) {
    source.notNeeded('it is empty')
    return
  }
  const smtp: Record<string, unknown> = { host }
  const at = (key: string) => server.at('mail', 'smtp', key)
  source.member('host').carriedOver(at('host'))
  const display = name!.replaceAll(/[<>\r\n]/g, '')
  server.set('mail', { from: display === '' ? from : `${display} <${from}>`, smtp })
  source.member('from').carriedOver(server.at('mail', 'from'))
  source.member('fromDisplayName').changed('it is part of the sender', server.at('mail', 'from'))
  const port = source.member('port')
  if (port.whole() !== '' && port.exists) {
    smtp.port = port.integer()
    port.carriedOver(at('port'))
  }
  if (own(values, 'ssl') === 'true' || own(values, 'ssl') === true) {
    smtp.secure = true
    source.member('ssl').carriedOver(at('secure'))
  } else source.member('ssl').notNeeded('it is off')
  source.member('starttls').notNeeded('STARTTLS is required unless the connection begins with TLS')
  source.member('auth').notNeeded('it follows from the user name')
  const user = source.member('user')
  if (own(values, 'user')) {
    smtp.username = user.text()
    user.carriedOver(at('username'))
  } else user.notNeeded('it is empty')
  const password = source.member('password')
  if (password.exists && !isMasked(password.whole())) {
    smtp.password = password.text()
    password.carriedOver(at('password'))
  } else if (password.exists)
    password.notPossible('the file does not contain the password: set TESSERA_SMTP_PASSWORD')
  leaveOutAll(source, {
    replyTo: 'mail has no Reply-To',
    replyToDisplayName: 'mail has no Reply-To',
    envelopeFrom: 'the sender of the envelope is that of the mail',
    allowutf8: 'addresses are in ASCII',
  })
}

/** Returns the settings of all clients. Their lines name no single key. */
function readDefaults(source: Source): ClientDefaults {
  const each = (name: string, key: string): number | undefined => {
    const member = source.member(name)
    const value = member.integer()
    if (value === 0) member.notNeeded('it is off')
    else if (value !== undefined) member.changed(`it is ${key} of each client`)
    return value === 0 ? undefined : value
  }
  const sessions = 'a refresh token lasts as long as a session of Keycloak: see the clients'
  leaveOut(
    source.member('offlineSessionIdleTimeout'),
    'use sliding_refresh_token_lifetime of clients that keep users signed in',
  )
  leaveOut(source.member('offlineSessionMaxLifespanEnabled'), 'use absolute_refresh_token_lifetime')
  source.member('offlineSessionMaxLifespan').notNeeded(sessions)
  return {
    accessTokenLifetime: each('accessTokenLifespan', 'access_token_lifetime'),
    codeLifetime: each('accessCodeLifespan', 'authorization_code_lifetime'),
    deviceCodeLifetime: each('oauth2DeviceCodeLifespan', 'device_code_lifetime'),
    devicePollingInterval: each('oauth2DevicePollingInterval', 'device_polling_interval'),
    refreshIdle: numberIn(source, 'ssoSessionIdleTimeout'),
    refreshMax: numberIn(source, 'ssoSessionMaxLifespan'),
  }
}

function numberIn(source: Source, name: string): number | undefined {
  const value = source.member(name).whole()
  return typeof value === 'number' && value > 0 ? value : undefined
}
