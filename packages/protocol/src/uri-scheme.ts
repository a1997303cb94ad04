/** Schemes of redirection URIs other than the web's (RFC 8252 §7.1, §8.4). */

import { registeredSchemes } from './registered-schemes.ts'

const listed = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Schemes that no response may be sent to, whoever asks for it. */
const unsafeSchemes = listed(`
  javascript vbscript livescript mocha data
  file filesystem blob content jar res resource
  about view-source wyciwyg chrome chrome-extension chrome-native chrome-search chrome-untrusted devtools
  edge brave opera vivaldi moz moz-extension extension safari-extension safari-web-extension
  intent android-app shell search search-ms hcp help applescript x-apple.systempreferences
  ws wss ftp ftps sftp tftp ssh telnet rlogin tn3270 gopher smb nfs afp ldap ldaps vnc rdp dav
  mailto news nntp tel sms sip sips callto fax im mid cid urn
  mk its mhtml hta wscript powershell x-man-page x-help-script x-help-action
  itms itmss itms-apps itms-appss itms-services macappstore macappstores apt
  shortcuts workflow prefs app-prefs app-settings
  microsoft-edge microsoft-edge-http microsoft-edge-https googlechrome googlechromes googlechrome-x-callback
  firefox firefox-focus opera-http opera-https touch-http touch-https x-safari-http x-safari-https x-web-search
  feed pcast
`)

/** Windows starts parts of itself by these, with arguments from the address. */
const isWindowsScheme = (scheme: string): boolean =>
  (scheme.startsWith('ms-') || scheme.startsWith('microsoft.windows.')) && !windowsCallbacks.has(scheme)

/** What Windows has for responses to applications from its store. */
const windowsCallbacks = listed('ms-app ms-appx-web')

/** Returns the scheme of an absolute URI, in lower case: `com.example.app` of `com.example.app:/callback`. */
export const schemeOf = (uri: string): string => uri.slice(0, uri.indexOf(':')).toLowerCase()

/** Returns whether an absolute URI has a scheme of its own, that is any but `https` and `http`. */
export const hasPrivateUseScheme = (uri: string): boolean => !/^https?:/i.test(uri)

/** Returns whether a redirect to the scheme runs code, reads files, or starts what is no client. */
export const isUnsafeScheme = (scheme: string): boolean =>
  unsafeSchemes.has(scheme) || isWindowsScheme(scheme)

/** Returns whether the scheme is registered with IANA, and so belongs to something else than the client. */
export const isRegisteredScheme = (scheme: string): boolean => registeredSchemes.has(scheme)

/** Returns whether the scheme is a domain name in reverse order, which one owner can claim (RFC 8252 §7.1). */
export const isReversedDomain = (scheme: string): boolean =>
  /^[a-z][a-z\d-]*(?:\.[a-z\d-]+)+$/.test(scheme) && !isRegisteredScheme(scheme)
