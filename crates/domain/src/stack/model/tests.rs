use super::*;

#[test]
fn reads_what_config_prints() {
    let model = Model::parse(
        br#"{"name":"p","services":{"db":{"command":null,"image":"a$$b","labels":{"x":"a,b=c"},
            "networks":{"default":null,"n":{"aliases":["x"],"ipv4_address":"10.9.0.5"}},
            "ports":[{"mode":"ingress","target":5432,"published":"5432","protocol":"tcp"},
                     {"target":80,"protocol":"tcp"}],
            "healthcheck":{"test":["CMD","true"]},"deploy":{"replicas":2,"resources":{}}}},
          "networks":{"default":{"name":"p_default","ipam":{}}}}"#,
    )
    .expect("model");
    let db = &model.services[&"db".into()];
    assert_eq!(db.image.as_deref(), Some("a$b"));
    assert_eq!(db.ports[0].published.as_deref(), Some("5432"));
    assert_eq!(db.ports[1].published, None);
    assert_eq!(db.replicas(), 2);
    assert!(db.has_health_check());
    assert!(db.networks["default"].is_none());
}

#[test]
fn a_health_check_can_be_switched_off_in_two_ways() {
    for json in [r#"{"disable":true}"#, r#"{"test":["NONE"]}"#] {
        let service = Service { healthcheck: serde_json::from_str(json).ok(), ..Service::default() };
        assert!(service.healthcheck.is_some() && !service.has_health_check(), "{json}");
    }
}

#[test]
fn what_is_written_in_the_file_or_held_by_a_variable_is_copied() {
    let model = Model::parse(
        br#"{"services":{
              "api":{"configs":[{"source":"text","target":"/t"},{"source":"file"}],"secrets":[{"source":"held"},{"source":"unset"}]},
              "other":{"configs":[{"source":"file"}]}},
            "configs":{"text":{"content":"a$$b"},"file":{"file":"/f"},"unused":{"content":"x"}},
            "secrets":{"held":{"environment":"TOKEN"},"unset":{"environment":"NOBODY"}},
            "x-prism":{"TOKEN":"=secret","OTHER":"=x"}}"#,
    )
    .expect("model");
    assert_eq!(model.copied(&model.services[&"api".into()]), ["a$b", "=secret"]);
    assert!(model.copied(&model.services[&"other".into()]).is_empty());
}

#[test]
fn files_of_configs_and_secrets_are_those_of_the_service_and_its_build() {
    let model = Model::parse(
        br#"{"services":{"api":{"configs":[{"source":"c"},{"source":"text"}],"secrets":[{"source":"s"},{"source":"nowhere"}],
              "build":{"secrets":[{"source":"b"}]}}},
            "configs":{"c":{"file":"/c"},"text":{"content":"x"}},
            "secrets":{"s":{"file":"/s"},"b":{"file":"/b"},"unused":{"file":"/u"}}}"#,
    )
    .expect("model");
    let files = model.files(&model.services[&"api".into()]);
    let shown: Vec<String> = files.map(|it| format!("{} {} {}", it.kind, it.key, it.path)).collect();
    assert_eq!(shown, ["config c /c", "secret s /s", "secret b /b"]);
}
