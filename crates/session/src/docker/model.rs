//! What prism reads of the Engine's answers: words stay words, as an Engine of another age or make has some of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Labels, options and the like; the Engine says `null` for none.
pub(super) type Words = Option<BTreeMap<String, String>>;

/// A list; the Engine says `null` for none.
pub(super) type List<T> = Option<Vec<T>>;

/// An entry of the list of containers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerSummary {
    pub id: Option<String>,
    pub names: List<String>,
    pub image: Option<String>,
    #[serde(rename = "ImageID")]
    pub image_id: Option<String>,
    pub created: Option<i64>,
    pub ports: List<Port>,
    pub labels: Words,
    pub state: Option<String>,
    pub status: Option<String>,
    pub host_config: Option<NetworkMode>,
    pub mounts: List<Mount>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkMode {
    pub network_mode: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Port {
    #[serde(rename = "IP")]
    pub ip: Option<String>,
    #[serde(rename = "PrivatePort")]
    pub inside: u16,
    #[serde(rename = "PublicPort")]
    pub outside: Option<u16>,
    #[serde(rename = "Type")]
    pub protocol: Option<String>,
}

/// Where a container has something mounted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Mount {
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    pub name: Option<String>,
    pub source: Option<String>,
    pub destination: Option<String>,
    #[serde(rename = "RW")]
    pub is_writable: Option<bool>,
}

/// The inspection of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerInspection {
    pub id: Option<String>,
    pub image: Option<String>,
    pub state: Option<ContainerState>,
    pub config: Option<ContainerConfig>,
    pub host_config: Option<HostConfig>,
    pub mounts: List<Mount>,
    pub restart_count: Option<i64>,
    pub network_settings: Option<NetworkSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerState {
    pub exit_code: Option<i64>,
    pub started_at: Option<String>,
    pub health: Option<Health>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Health {
    pub status: Option<String>,
    pub log: List<HealthRun>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthRun {
    pub exit_code: Option<i64>,
    pub output: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerConfig {
    pub env: List<String>,
    pub entrypoint: List<String>,
    pub cmd: List<String>,
    pub shell: List<String>,
    pub healthcheck: Option<HealthConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthConfig {
    pub test: List<String>,
    pub timeout: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HostConfig {
    pub binds: List<String>,
    pub volumes_from: List<String>,
    pub mounts: List<Mount>,
    pub tmpfs: Words,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSettings {
    pub networks: Option<BTreeMap<String, Attachment>>,
}

/// How a container is on a network, as it is read and asked for.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Attachment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases: List<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_opts: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gw_priority: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSummary {
    pub id: Option<String>,
    pub name: Option<String>,
    pub labels: Words,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Volumes {
    pub volumes: List<Volume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Volume {
    pub name: String,
    pub mountpoint: Option<String>,
    pub labels: Words,
    pub options: Words,
}

/// An entry of the list of images.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ImageSummary {
    pub repo_tags: List<String>,
    pub labels: Words,
}

/// The inspection of an image.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ImageInspection {
    pub config: Option<ImageConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ImageConfig {
    pub volumes: Option<BTreeMap<String, Value>>,
}

/// What an Engine says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Info {
    #[serde(rename = "ID")]
    pub id: Option<String>,
    pub name: Option<String>,
    pub kernel_version: Option<String>,
    pub security_options: List<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EngineVersion {
    pub version: Option<String>,
    pub api_version: Option<String>,
}

/// A command in a container that was made, to be started.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Exec {
    #[serde(alias = "ID")]
    pub id: String,
    pub exit_code: Option<i64>,
}
