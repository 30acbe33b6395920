/** Names a resource type and, where it is about one, an object of it. `namespace` is absent for cluster-wide ones. */
export interface ResourceRef {
  /** `v1` for the core group, else `group/version` such as `apps/v1`. */
  apiVersion: string
  /** Plural resource name in the URL, such as `deployments`. */
  resource: string
  namespace?: string
  name: string
}

export type CollectionRef = Omit<ResourceRef, 'name'>

/** An object as the API server sent it: fields that no type knows are kept. */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: {
    name: string
    namespace?: string
    uid?: string
    resourceVersion?: string
    generation?: number
    labels?: Record<string, string>
    annotations?: Record<string, string>
    [field: string]: unknown
  }
  [field: string]: unknown
}

/** What the caller saw, and what the API server must still find: else it refuses and changes nothing. */
export interface ObjectVersion {
  uid: string
  resourceVersion: string
}

export interface KindOfObject {
  resource: string
  namespaced: boolean
}

export interface KubernetesReader {
  /** Base URL of the API server. */
  readonly server: string
  /** One object; undefined when there is none. Throws NoAnswer, KubernetesRefused. */
  get(ref: ResourceRef, signal: AbortSignal): Promise<KubeObject | undefined>
  /** How a kind is called in URLs, and whether its objects are in namespaces; undefined when the server serves none. */
  resource(apiVersion: string, kind: string, signal: AbortSignal): Promise<KindOfObject | undefined>
  /** All objects of a collection, page by page. */
  list(ref: CollectionRef, signal: AbortSignal, options?: { labelSelector?: string }): Promise<KubeObject[]>
  /**
   * The requests of a writer with `dryRun=All`: the server authorises, admits and checks them and answers with what
   * would be there, and stores nothing.
   */
  readonly dryRun: KubernetesWriter
}

export interface KubernetesWriter {
  /** Sets `spec.replicas` by the scale subresource. Throws Conflict when the object is no longer the one seen. */
  scale(
    ref: ResourceRef,
    replicas: number,
    seen: ObjectVersion,
    signal: AbortSignal,
  ): Promise<{ replicas: number }>
  /**
   * Server-side apply as field manager `haetae`. With `metadata.resourceVersion` or `uid` in the object, the server
   * checks them. Throws Conflict on those, and on a field that somebody else owns unless `force`.
   */
  apply(
    ref: ResourceRef,
    object: KubeObject,
    signal: AbortSignal,
    options?: { force?: boolean },
  ): Promise<KubeObject>
  /** JSON merge patch (RFC 7386). With `metadata.resourceVersion` in it the server checks that; then it throws Conflict. */
  patch(ref: ResourceRef, patch: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<KubeObject>
  /** Creates an object. Throws Conflict when there is one of that name. */
  create(ref: CollectionRef, object: KubeObject, signal: AbortSignal): Promise<KubeObject>
  /** Replaces an object whole. Throws Conflict when `metadata.resourceVersion` is no longer the newest. */
  replace(ref: ResourceRef, object: KubeObject, signal: AbortSignal): Promise<KubeObject>
  /** Deletes an object; with `seen`, only when it is still that one. Nothing happens when there is none. */
  remove(ref: ResourceRef, signal: AbortSignal, seen?: ObjectVersion): Promise<void>
}
