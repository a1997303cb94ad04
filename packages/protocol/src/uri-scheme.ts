/** Schemes of redirection URIs other than http and https (RFC 8252 §7.1, §8.4). */

const listed = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Schemes that must never receive a response, regardless of who registers them. */
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

/** Windows starts system components by these schemes, with arguments from the URI. */
const isWindowsScheme = (scheme: string): boolean =>
  (scheme.startsWith('ms-') || scheme.startsWith('microsoft.windows.')) && !windowsCallbacks.has(scheme)

/** Schemes that Windows provides for responses to Microsoft Store applications. */
const windowsCallbacks = listed('ms-app ms-appx-web')

/** Returns the scheme of an absolute URI in lower case: `com.example.app` for `com.example.app:/callback`. */
export const schemeOf = (uri: string): string => uri.slice(0, uri.indexOf(':')).toLowerCase()

/** Returns whether an absolute URI has a private-use scheme, that is, any except `https` and `http`. */
export const hasPrivateUseScheme = (uri: string): boolean => !/^https?:/i.test(uri)

/** Returns whether a redirect to the scheme would run code, read files, or start something other than the client. */
export const isUnsafeScheme = (scheme: string): boolean =>
  unsafeSchemes.has(scheme) || isWindowsScheme(scheme)

/** Returns whether the scheme is registered with IANA, and so does not belong to the client. */
export const isRegisteredScheme = (scheme: string): boolean => registeredSchemes.has(scheme)

/** Returns whether the scheme is a reversed domain name, which only its owner can claim (RFC 8252 §7.1). */
export const isReversedDomain = (scheme: string): boolean =>
  /^[a-z][a-z\d-]*(?:\.[a-z\d-]+)+$/.test(scheme) && !isRegisteredScheme(scheme)

/** URI schemes registered with IANA (RFC 7595), whether permanent, provisional or historical, as of 2025. */
const registeredSchemes = listed(`
  aaa aaas about acap acct acd acr adiumxtra adt afp afs aim amss android appdata apt ar ark at attachment aw barion bb
  beshare bitcoin bitcoincash blob bolo brid browserext cabal calculator callto cap cast casts chrome chrome-extension cid
  coap coap+tcp coap+ws coaps coaps+tcp coaps+ws com-eventbrite-attendee content content-type crid cstr cvs dab dat data
  dav dhttp diaspora dict did dis dlna-playcontainer dlna-playsingle dns dntp doi dpp drm drop dtmi dtn dvb dvx dweb ed2k
  eid elsi embedded ens ethereum example facetime fax feed feedready fido file filesystem finger first-run-pen-experience
  fish fm ftp fuchsia-pkg geo gg git gitoid gizmoproject go gopher graph grd gtalk h323 ham hcap hcp http https hxxp hxxps
  hydrazone hyper iax icap icon im imap info iotdisco ipfs ipn ipns ipp ipps irc irc6 ircs iris iris.beep iris.lwz
  iris.xpc iris.xpcs isostore itms jabber jar jms keyparc lastfm lbry ldap ldaps leaptofrogans lid lorawan lpa lvlt magnet
  mailserver mailto maps market matrix message microsoft.windows.camera microsoft.windows.camera.multipicker
  microsoft.windows.camera.picker mid mms modem mongodb moz ms-access ms-appinstaller ms-browser-extension ms-calculator
  ms-drive-to ms-enrollment ms-excel ms-eyecontrolspeech ms-gamebarservices ms-gamingoverlay ms-getoffice ms-help
  ms-infopath ms-inputapp ms-launchremotedesktop ms-lockscreencomponent-config ms-media-stream-id ms-meetnow
  ms-mixedrealitycapture ms-mobileplans ms-newsandinterests ms-officeapp ms-people ms-powerpoint ms-project ms-publisher
  ms-recall ms-remotedesktop ms-remotedesktop-launch ms-restoretabcompanion ms-screenclip ms-screensketch ms-search
  ms-search-repair ms-secondary-screen-controller ms-secondary-screen-setup ms-settings ms-settings-airplanemode
  ms-settings-bluetooth ms-settings-camera ms-settings-cellular ms-settings-cloudstorage ms-settings-connectabledevices
  ms-settings-displays-topology ms-settings-emailandaccounts ms-settings-language ms-settings-location ms-settings-lock
  ms-settings-nfctransactions ms-settings-notifications ms-settings-power ms-settings-privacy ms-settings-proximity
  ms-settings-screenrotation ms-settings-wifi ms-settings-workplace ms-spd ms-stickers ms-sttoverlay ms-transit-to
  ms-useractivityset ms-virtualtouchpad ms-visio ms-walk-to ms-whiteboard ms-whiteboard-cmd ms-word msnim msrp msrps mss mt
  mtqp mumble mupdate mvn mvrp mvrps news nfs ni nih nntp notes num ocf oid onenote onenote-cmd opaquelocktoken openid
  openpgp4fpr otpauth p1 pack palm paparazzi payment payto pkcs11 platform pop pres prospero proxy psyc pttp pwid qb query
  quic-transport redis rediss reload res resource rmi rsync rtmfp rtmp rtsp rtsps rtspu sarif secondlife secret-token
  service session sftp sgn shc shelter shttp sieve simpleledger simplex sip sips skype smb smp sms smtp snews snmp
  soap.beep soap.beeps soldat spiffe spotify ssb ssh starknet steam stun stuns submit svn swh swid swidpath tag taler
  teamspeak tel teliaeid telnet tftp things thismessage thzp tip tn3270 tool turn turns tv udp unreal upt urn ut2004
  uuid-in-package v-event vemmi ventrilo ves videotex view-source vnc vscode vscode-insiders vsls w3 wais wasm wasm-js
  wcr web+ap web3 webcal wifi wpid ws wss wtai wyciwyg xcon xcon-userid xfire xmlrpc.beep xmlrpc.beeps xmpp xri ymsgr
  z39.50 z39.50r z39.50s
`)
