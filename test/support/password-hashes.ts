/** Password hashes that other implementations computed, one for each format and set of parameters. */

export type PasswordHashVector = {
  readonly name: string
  /** The implementation or the publication that the hash comes from. */
  readonly source: string
  readonly password: string
  readonly hash: string
}

export const passwordHashVectors: readonly PasswordHashVector[] = [
  {
    name: 'ASP.NET Identity version 2',
    source: 'the .NET tests of ASP.NET Core: dotnet/aspnetcore, PasswordHasherTest.cs',
    password: 'my password',
    hash: '$aspnet-identity$ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==',
  },
  {
    name: 'ASP.NET Identity version 3, SHA-1, 250 iterations',
    source: 'the .NET tests of ASP.NET Core: dotnet/aspnetcore, PasswordHasherTest.cs',
    password: 'my password',
    hash: '$aspnet-identity$AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M',
  },
  {
    name: 'ASP.NET Identity version 3, SHA-256, 10000 iterations',
    source: 'the .NET tests of ASP.NET Core: dotnet/aspnetcore, PasswordHasherTest.cs',
    password: 'my password',
    hash: '$aspnet-identity$AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==',
  },
  {
    name: 'ASP.NET Identity version 3, SHA-256, 250000 iterations',
    source: 'the .NET tests of ASP.NET Core: dotnet/aspnetcore, PasswordHasherTest.cs',
    password: 'my password',
    hash: '$aspnet-identity$AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=',
  },
  {
    name: 'ASP.NET Identity version 3, SHA-512, 50 iterations, 16 bytes',
    source: 'the .NET tests of ASP.NET Core: dotnet/aspnetcore, PasswordHasherTest.cs',
    password: 'my password',
    hash: '$aspnet-identity$AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw',
  },
  {
    name: 'ASP.NET Identity version 3, SHA-512, 250 iterations',
    source: 'the .NET tests of ASP.NET Core: dotnet/aspnetcore, PasswordHasherTest.cs',
    password: 'my password',
    hash: '$aspnet-identity$AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==',
  },
  {
    name: 'ASP.NET Identity version 3, SHA-512, 100000 iterations, as .NET 7 and later write it',
    source: "Python's hashlib",
    password: 'my password',
    hash: '$aspnet-identity$AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg/Q8A0WMKbtHQJQ2DHCdoEeeFBrgNlldq6vH4qX/CGqGQ==',
  },
  {
    name: 'PBKDF2 sha1, 1000 iterations, 20 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha1$i=1000$AAECAwQFBgcICQoLDA0ODw$ap3aPFG7BOHgwL+FQp1KMgjJAqY',
  },
  {
    name: 'PBKDF2 sha1, 27500 iterations, 64 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha1$i=27500$AAECAwQFBgcICQoLDA0ODw$myNa1PWC8Ismjf3A6VoR3mJYXIPONpZpEp28pzbf0XD58n0SQPz0+IEAIXKesVwr2v1Lf68b2TAA0N1HuMZnOA',
  },
  {
    name: 'PBKDF2 sha256, 27500 iterations, 64 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha256$i=27500$AAECAwQFBgcICQoLDA0ODw$EQy0fL9BlbcVCaww31HyPMUx3Zsay58nLY/VdVEq+4CnsXx4agcQ5mJsHeO2CPcmo7ols0myGX/A/EYxN1rr4w',
  },
  {
    name: 'PBKDF2 sha256, 600000 iterations, 32 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha256$i=600000$AAECAwQFBgcICQoLDA0ODw$AZ6cKDW/dxXJJf0VxUTkMR0eBcKEwB7tHssYCR9lK2Q',
  },
  {
    name: 'PBKDF2 sha512, 30000 iterations, 64 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha512$i=30000$AAECAwQFBgcICQoLDA0ODw$7P0JMlkYZSS5VnxSRo4l/y3YVsTb0S2j9wZjBqLerUxJ0l1H5iEHsbFmUKIW+EOjTk4HnTQX/9suxm2w5TJ8oQ',
  },
  {
    name: 'PBKDF2 sha512, 210000 iterations, 64 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha512$i=210000$AAECAwQFBgcICQoLDA0ODw$JZUPUQApL6z5mCSqQMoe/cPYk1Rnz267KJ+5ga2xJFFXIaWdQWTJUeGC01h7Dm6a3pan57HtKHQM8d44nEUPOA',
  },
  {
    name: 'PBKDF2 with the length in the parameters',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$Q6NCtcMWp8uLTJfa/GNjGrjzbMTh6JrzOvCIgU7TxVE',
  },
  {
    name: 'scrypt ln=14, r=8, p=1',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$Fz2YEXR1dFZAZENogLAPiVIfHxkPwm/RSILnJ+E987k',
  },
  {
    name: 'scrypt ln=15, r=8, p=3',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$d/U0T4hRNJIS2iizXEdiAAs8TC+UVfITglVCfpxWYtY',
  },
  {
    name: 'scrypt ln=4, r=16, p=2',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '$scrypt$ln=4,r=16,p=2$AAECAwQFBgcICQoLDA0ODw$JeIpIQeLS2ua7OgUapsGNuxzQIsFHzDpkSd1UmsCTQA',
  },
  {
    name: 'scrypt as passlib writes it',
    source: 'passlib 1.7.4',
    password: 'correct hörse',
    hash: '$scrypt$ln=12,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$awfydSclHGhrLDwhkwS+Rafr3TcSuoSSBeCASFdx+K8',
  },
  {
    name: 'bcrypt $2a$, cost 4',
    source: 'the Python package bcrypt 4.0.1 (OpenBSD)',
    password: 'correct hörse',
    hash: '$2a$04$FEgd9d0RCFak/fk66cFLDeYa2SSJSn3je6RPv9bLZNBKFNuLpM9kq',
  },
  {
    name: 'bcrypt $2a$, cost 10',
    source: 'the Python package bcrypt 4.0.1 (OpenBSD)',
    password: 'correct hörse',
    hash: '$2a$10$jzzTQScDUtfEwJyOQvbQ6eN7pvZd.JofisU6.LqsepIavUwfPXH8O',
  },
  {
    name: 'bcrypt $2b$, cost 4',
    source: 'the Python package bcrypt 4.0.1 (OpenBSD)',
    password: 'correct hörse',
    hash: '$2b$04$BunOGchJYyTHsdpyktKPgeLkoL8m7NYPeSZQk8rvzW2I.sGjLaxLm',
  },
  {
    name: 'bcrypt $2b$, cost 10',
    source: 'the Python package bcrypt 4.0.1 (OpenBSD)',
    password: 'correct hörse',
    hash: '$2b$10$Eb95S/cPtDCfcs/hNuB1/ORIONVqcNn.5KgfA5CXGH1wIxJkPmxp2',
  },
  {
    name: 'bcrypt $2y$, cost 5',
    source: 'crypt_blowfish 1.3, wrapper.c',
    password: 'U*U',
    hash: '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  },
  {
    name: 'argon2id, version 19',
    source: 'argon2-cffi 25.1.0',
    password: 'correct hörse',
    hash: '$argon2id$v=19$m=1024,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$FZ4Iwy5cgXqFqBuwOXsejbVp5/ddgziPaMPiwT3pTKk',
  },
  {
    name: 'argon2id, version 16',
    source: 'argon2-cffi 25.1.0',
    password: 'correct hörse',
    hash: '$argon2id$v=16$m=1024,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$L1SulP7ileyBpe+Qur+Kq2n3YphBZCPtEf3Dz2MFG/k',
  },
  {
    name: 'argon2i, version 19',
    source: 'argon2-cffi 25.1.0',
    password: 'correct hörse',
    hash: '$argon2i$v=19$m=1024,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$P5RKrrqRAzxLd5rqVrWBwcv5uGP8WTHJYvUbvpmBUuM',
  },
  {
    name: 'argon2i, version 16',
    source: 'argon2-cffi 25.1.0',
    password: 'correct hörse',
    hash: '$argon2i$v=16$m=1024,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$OzcnHVf7HM2Kd7vFLREum4lOQoTO4tbixa5wKovH+N8',
  },
  {
    name: 'argon2d, version 19',
    source: 'argon2-cffi 25.1.0',
    password: 'correct hörse',
    hash: '$argon2d$v=19$m=1024,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$AlkQhfRrAxRHP4zSpPpnQCXDthapHZl0J4f/8r2yHTI',
  },
  {
    name: 'argon2d, version 16',
    source: 'argon2-cffi 25.1.0',
    password: 'correct hörse',
    hash: '$argon2d$v=16$m=1024,t=5,p=1$AAECAwQFBgcICQoLDA0ODw$g9vG0lIgekVH+HavJjYrOA1e3dkNZoaANMxgDZQqmyI',
  },
  {
    name: 'argon2id, four lanes',
    source: 'OpenSSL 3.5.8',
    password: 'password',
    hash: '$argon2id$v=19$m=1024,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$RBTem3M2Y59sTvSs1cOqXI/4u8lIqZEBnNOrxm6h3dk',
  },
  {
    name: 'argon2i, two lanes',
    source: 'OpenSSL 3.5.8',
    password: 'password',
    hash: '$argon2i$v=19$m=1024,t=4,p=2$AAECAwQFBgcICQoLDA0ODw$DAJ0+4OutDz8ekvDAkkf17tgzQPN3LgOuGU7f31NHEI',
  },
  {
    name: 'LDAP {SSHA}',
    source: 'passlib 1.7.4',
    password: 'correct hörse',
    hash: '{SSHA}RWQxwuy4Gk53g+gD3sAKJEN0gbgAAQIDBAUGBw==',
  },
  {
    name: 'LDAP {SSHA256}',
    source: 'passlib 1.7.4',
    password: 'correct hörse',
    hash: '{SSHA256}pZQmmd7N7TPFi8ND1y8V11wWU83ruf4m2v1w1f7ku1gAAQIDBAUGBw==',
  },
  {
    name: 'LDAP {SSHA512}',
    source: 'passlib 1.7.4',
    password: 'correct hörse',
    hash: '{SSHA512}jrSBpMa7Iq3OCBcrtmSLmlcN/2xGZ+ICZnyhMgQVLBbwd8UKuWQHlvxUJusXCnj4cgDP+PAkC5WCIlB7+G54SgABAgMEBQYH',
  },
  {
    name: 'LDAP {SHA}',
    source: 'passlib 1.7.4',
    password: 'correct hörse',
    hash: '{SHA}rJD/5olTxW7AqKHZorModWn6ltY=',
  },
  {
    name: 'LDAP {SHA256}',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '{SHA256}j7uNwFVXQoiOuXBvoNRPDcadMD6uTMsvpYwtIqw2Qis=',
  },
  {
    name: 'LDAP {SHA512}',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: '{SHA512}KOgXCcz7iHiZUaic8uZYaMq4YfwFsrtwAfXAAjpETGA3sBgscoFX14piOfb0ci6gVEJVhpDeFYVW1xwG2ZUIHQ==',
  },
  {
    name: "Firebase's scrypt",
    source: 'the README of firebase/scrypt',
    password: 'user1password',
    hash: '$firebase-scrypt$ln=14,r=8,ss=Bw,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA$42xEC+ixf3L2lw$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ',
  },
]

const keycloakRealm = 'the realm workshop of Keycloak 25.0.5 in the public workshops of solo.io'

/** Password credentials as realm exports of Keycloak contain them. */
export const keycloakVectors: readonly PasswordHashVector[] = [
  {
    name: 'Keycloak pbkdf2-sha256',
    source: keycloakRealm,
    password: 'password',
    hash: JSON.stringify({
      type: 'password',
      secretData:
        '{"value":"JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=","salt":"P5rtFkGtPfoaryJ6PizUJw==","additionalParameters":{}}',
      credentialData: '{"hashIterations":27500,"algorithm":"pbkdf2-sha256","additionalParameters":{}}',
    }),
  },
  {
    name: 'Keycloak argon2',
    source: keycloakRealm,
    password: 'password',
    hash: JSON.stringify({
      type: 'password',
      secretData:
        '{"value":"BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=","salt":"Cf9AYCE5pAbb4CKEF0GUTA==","additionalParameters":{}}',
      credentialData:
        '{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}',
    }),
  },
  {
    name: 'Keycloak pbkdf2 (SHA-1)',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: JSON.stringify({
      type: 'password',
      secretData:
        '{"value": "IkzqyNfM7tld0eJXSVstXXO5Fc2PiIqCLlYFFL1Xjqg0JwWnxuCqwEnwgeerfhyXoF6HHGiF+uMMPlnEaKR03g==", "salt": "AAECAwQFBgcICQoLDA0ODw==", "additionalParameters": {}}',
      credentialData: '{"hashIterations": 20000, "algorithm": "pbkdf2", "additionalParameters": {}}',
    }),
  },
  {
    name: 'Keycloak pbkdf2-sha256 with 64 bytes',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: JSON.stringify({
      type: 'password',
      secretData:
        '{"value": "EQy0fL9BlbcVCaww31HyPMUx3Zsay58nLY/VdVEq+4CnsXx4agcQ5mJsHeO2CPcmo7ols0myGX/A/EYxN1rr4w==", "salt": "AAECAwQFBgcICQoLDA0ODw==", "additionalParameters": {}}',
      credentialData: '{"hashIterations": 27500, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}',
    }),
  },
  {
    name: 'Keycloak pbkdf2-sha512',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: JSON.stringify({
      type: 'password',
      secretData:
        '{"value": "7P0JMlkYZSS5VnxSRo4l/y3YVsTb0S2j9wZjBqLerUxJ0l1H5iEHsbFmUKIW+EOjTk4HnTQX/9suxm2w5TJ8oQ==", "salt": "AAECAwQFBgcICQoLDA0ODw==", "additionalParameters": {}}',
      credentialData: '{"hashIterations": 30000, "algorithm": "pbkdf2-sha512", "additionalParameters": {}}',
    }),
  },
  {
    name: 'Keycloak before version 8',
    source: "Python's hashlib",
    password: 'correct hörse',
    hash: JSON.stringify({
      type: 'password',
      hashedSaltedValue:
        'IkzqyNfM7tld0eJXSVstXXO5Fc2PiIqCLlYFFL1Xjqg0JwWnxuCqwEnwgeerfhyXoF6HHGiF+uMMPlnEaKR03g==',
      salt: 'AAECAwQFBgcICQoLDA0ODw==',
      hashIterations: 20000,
      counter: 0,
      algorithm: 'pbkdf2',
      digits: 0,
    }),
  },
]
