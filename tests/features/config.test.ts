import { describe, expect, test } from 'bun:test'
import { ConfigError, describeConfig, readConfig } from '../../src/config.ts'

describe('the configuration', () => {
  test('has a working default for everything', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      mqttPort: 1883,
      tls: undefined,
      databaseUrl: undefined,
      deviceDownAfter: 180_000,
      imageMaxBytes: 32 * 1024 ** 2,
      archiveMaxBytes: 64 * 1024 ** 2,
      githubUrl: 'https://github.com',
      githubClientId: undefined,
      sourceMaxBytes: 32 * 1024 ** 2,
      fileMaxBytes: 256 * 1024 ** 2,
      builderImage: undefined,
      containers: {
        host: 'unix:///var/run/docker.sock',
        atOnce: 2,
        limits: { network: 'none', memory: 512 * 1024 ** 2, cpus: 1, disk: 2 * 1024 ** 3, log: 16 * 1024 ** 2, time: 3_600_000 }
      },
      logRetention: 30 * 86_400_000,
      logLevel: 'info',
      githubApiUrl: 'https://api.github.com',
      watching: { token: undefined, interval: 900_000, assetLimit: 1024 ** 3 },
      corsOrigins: []
    })
  })

  test('takes an empty variable as unset', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ' })).toMatchObject({ port: 3000, databaseUrl: undefined })
  })

  test('reports all problems at once', () => {
    const wrong = {
      PORT: 'eighty',
      IMAGE_MAX_BYTES: 'big',
      DEVICE_DOWN_AFTER: 'soon',
      LOG_LEVEL: 'loud',
      JWT_SECRET: 'short',
      DATABASE_URL: 'mysql://x',
      MQTTS_PORT: '8883',
      S3_BUCKET: 'bytes',
      S3_ENDPOINT: 's3.example.org',
      ADMIN_EMAIL: 'a@b.c',
      PUBLIC_URL: 'here',
      GITHUB_URL: 'ftp://github.example.org',
      GITHUB_CLIENT_ID: 'Iv1.8a61f9b3a7aba766',
      GITHUB_API_URL: 'ftp://github.example.org',
      GITHUB_TOKEN: 'two words',
      REPO_POLL_INTERVAL: 'often',
      ASSET_MAX_BYTES: 'all',
      DOCKER_HOST: '/var/run/docker.sock',
      TASK_MEMORY: 'much',
      TASK_CPUS: '0',
      TASK_NETWORK: 'host',
      TASK_TIMEOUT: 'never',
      TASK_CONCURRENCY: '0',
      TRUSTED_PROXIES: '10.0.0.0/8, the proxy',
      DRAIN_TIME: 'a while'
    }
    let problems: string[] = []
    try {
      readConfig(wrong)
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      problems = (error as Error).message.split('\n')
    }
    for (const name of Object.keys(wrong))
      expect([name, problems.some((problem) => problem.includes(name))]).toEqual([name, true])
  })

  test('with PostgreSQL wants the key that all nodes share', () => {
    expect(() => readConfig({ DATABASE_URL: 'postgres://x' })).toThrow('JWT_SECRET must be set')
  })

  test('knows the bucket for the bytes, and what belongs to it', () => {
    const account = { S3_BUCKET: 'bytes', S3_ACCESS_KEY_ID: 'hub', S3_SECRET_ACCESS_KEY: 'very secret' }
    const key = { accessKeyId: 'hub', secretAccessKey: 'very secret' }
    expect(readConfig({}).s3).toBeUndefined()
    expect(readConfig(account).s3).toEqual({ bucket: 'bytes', endpoint: undefined, region: undefined, ...key })
    expect(readConfig({ ...account, S3_ENDPOINT: 'https://s3.example.org/', S3_REGION: 'eu-central-1' }).s3).toEqual({
      bucket: 'bytes',
      endpoint: 'https://s3.example.org',
      region: 'eu-central-1',
      ...key
    })
    for (const name of Object.keys(account)) {
      expect(() => readConfig({ ...account, [name]: '' })).toThrow(
        'S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together'
      )
    }
    expect(() => readConfig({ S3_REGION: 'eu-central-1' })).toThrow('S3_ENDPOINT and S3_REGION need S3_BUCKET')
  })

  test('wants to know which proxies are to be believed before any is', () => {
    expect(() => readConfig({ MQTT_PROXY_PROTOCOL: 'true' })).toThrow('MQTT_PROXY_PROTOCOL needs TRUSTED_PROXIES')
    const { trustedProxies, mqttProxyProtocol } = readConfig({ MQTT_PROXY_PROTOCOL: 'true', TRUSTED_PROXIES: '10.0.0.0/8,::1' })
    expect([mqttProxyProtocol, trustedProxies.has('10.1.2.3'), trustedProxies.has('127.0.0.1')]).toEqual([true, true, false])
  })

  test('is described variable by variable', () => {
    const text = describeConfig().join('\n')
    for (const name of ['HOST', 'JWT_SECRET', 'IMAGE_MAX_BYTES', 'LOG_RETENTION']) expect(text).toContain(name)
    expect(text).toContain('(default 32MiB)')
  })
})
