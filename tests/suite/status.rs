//! The command `status` on recordings of every verdict.

use std::fs;

use serde_json::{Value, json};

use crate::support::program::{AFTER, Ran, recording, run, testdata, xdsnap};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";
const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls.default";

fn status(args: &[&str]) -> Ran {
    run(xdsnap([&["status"], args].concat()).current_dir(testdata("")))
}

/// The verdicts on a proxy, type by type: `synced`, `stale 4`.
fn verdicts(document: &Value, proxy: &str) -> String {
    let proxies = document["proxies"].as_array().unwrap();
    let found = proxies
        .iter()
        .find(|found| found["proxy"] == proxy)
        .unwrap();
    let types = found["types"].as_array().unwrap().iter();
    let words: Vec<String> = types
        .map(|found| {
            let word = found["status"].as_str().unwrap();
            match (word, found["differs"].as_u64()) {
                ("stale", Some(differs)) => format!("{word} {differs}"),
                _ => word.to_owned(),
            }
        })
        .collect();
    words.join(", ")
}

#[test]
fn every_recording_has_its_verdicts() {
    const IN_SYNC: &str = "synced, synced, synced, synced, not_sent, not_sent";
    for (step, proxy, expected, exit) in [
        ("a_in_sync/1_before", PRODUCTPAGE, IN_SYNC, 0),
        ("a_in_sync/4_after_noop_pushes", REVIEWS, IN_SYNC, 0),
        ("u_sotw/2_after", PRODUCTPAGE, IN_SYNC, 0),
        // A host's health is not configuration.
        (
            "v_outlier/2_ejected",
            "istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system",
            IN_SYNC,
            0,
        ),
        (
            "f_nack/2_lds_nack",
            REVIEWS,
            "synced, rejected, synced, synced, not_sent, not_sent",
            1,
        ),
        ("f_nack/2_lds_nack", PRODUCTPAGE, IN_SYNC, 1),
        (
            "f_nack/4_cds_nack",
            PRODUCTPAGE,
            "rejected, synced, synced, synced, not_sent, not_sent",
            1,
        ),
        (
            "f_nack/5_rds_nack",
            PRODUCTPAGE,
            "synced, synced, rejected, synced, not_sent, not_sent",
            1,
        ),
        ("f_nack/6_recovered", PRODUCTPAGE, IN_SYNC, 0),
        (
            "stale/2_stale",
            PRODUCTPAGE,
            "stale 4, behind, stale 2, behind, not_sent, not_sent",
            1,
        ),
        ("stale/3_recovered", PRODUCTPAGE, IN_SYNC, 0),
        (
            "k_ecds/2_ecds_ratelimit",
            REVIEWS,
            "synced, synced, synced, synced, synced, not_sent",
            0,
        ),
        (
            "k_ecds/4_wasm",
            REVIEWS,
            "synced, synced, synced, synced, synced, not_sent",
            0,
        ),
        // Acknowledged, and yet Envoy runs something else.
        (
            "k_ecds/7_wasm_unfetchable",
            REVIEWS,
            "synced, synced, synced, synced, stale 1, not_sent",
            1,
        ),
        (
            "k_ecds/8_wasm_unfetchable_fail_open",
            REVIEWS,
            "synced, synced, synced, synced, stale 1, not_sent",
            1,
        ),
        (
            "f_nack_istio_filters/2_metadata_exchange_on",
            PRODUCTPAGE,
            "rejected, rejected, synced, synced, not_sent, not_sent",
            1,
        ),
        (
            "f_nack_istio_filters/3_alpn_too",
            PRODUCTPAGE,
            "rejected, rejected, synced, synced, not_sent, not_sent",
            1,
        ),
        (
            "f_nack_istio_filters/4_new_proxy",
            PRODUCTPAGE,
            "rejected, rejected, not_sent, not_sent, not_sent, not_sent",
            1,
        ),
    ] {
        let ran = status(&[&format!("corpus/{step}"), "-o", "json"]);
        assert_eq!(ran.status, exit, "{step}: {}", ran.err);
        assert_eq!(verdicts(&ran.json(), proxy), expected, "{step}");
    }
}

#[test]
fn a_row_has_its_values_below_a_long_name_and_reasons_follow() {
    let ran = status(&["corpus/f_nack/4_cds_nack"]);
    assert_eq!(
        ran.out,
        "warning: istiod has 2 more proxies, which this input does not hold

input   corpus/f_nack/4_cds_nack  2 proxies

PROXY        CDS       LDS     RDS     EDS     ECDS      SDS       ISTIO   ENVOY
productpage-v1-6b746f74dc-9stvs.default
             REJECTED  SYNCED  SYNCED  SYNCED  NOT SENT  NOT SENT  1.30.3
reviews-v1-545db77b95-2k8ls.default
             SYNCED    SYNCED  SYNCED  SYNCED  NOT SENT  NOT SENT  1.30.3

rejected by Envoy:
  productpage-v1-6b746f74dc-9stvs.default CDS: Error adding/updating cluster(s)
      outbound|9080||ratings.default.svc.cluster.local: cluster manager: cluster
      provided LB specified but cluster
      'outbound|9080||ratings.default.svc.cluster.local' did not provide one.
      Check cluster documentation.

2 of 2 proxies compared: 1 rejected, 1 synced
"
    );
    let stale = status(&["corpus/stale/2_stale"]).out;
    let waiting = "not acknowledged:\n  productpage-v1-6b746f74dc-9stvs.default:\n      \
                   CDS LDS RDS EDS, sent 2026-11-21T01:53:56Z\n";
    assert!(stale.contains(waiting), "{stale}");
}

#[test]
fn istiod_alone_is_believed_where_there_is_nothing_to_compare_and_that_is_said() {
    let syncz = "corpus/stale/2_stale/istiod/syncz.json.zst";
    let dump = format!("corpus/stale/2_stale/envoy/{PRODUCTPAGE}/config_dump.json.zst");
    for inputs in [&[syncz][..], &[syncz, &dump]] {
        let ran = status(&[inputs, &["-p", "productpage-v1", "-o", "json"]].concat());
        assert_eq!(ran.status, 1, "{}", ran.err);
        let document = ran.json();
        assert_eq!(document["summary"]["compared"], json!(0));
        let expected = "stale, stale, stale, stale, not_sent, not_sent";
        assert_eq!(verdicts(&document, PRODUCTPAGE), expected);
        assert!(
            ran.err.contains("istiod's sync state alone is believed"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn what_cannot_be_told_is_no_good_news() {
    let dump = |proxy: &str| format!("{AFTER}/envoy/{proxy}/config_dump.json.zst");
    let (one, other) = (dump(PRODUCTPAGE), dump(REVIEWS));
    let istiod = format!("{PRODUCTPAGE}={AFTER}/istiod/{PRODUCTPAGE}.config_dump.json.zst");
    // Of one proxy istiod's dump is there.
    let ran = status(&[&one, &other, "--istiod", &istiod, "-o", "json"]);
    assert_eq!(ran.status, 3, "{}", ran.err);
    let document = ran.json();
    let unknown = "unknown, unknown, unknown, unknown, unknown, unknown";
    assert_eq!(verdicts(&document, REVIEWS), unknown);
    assert_eq!(
        verdicts(&document, PRODUCTPAGE),
        "synced, synced, synced, synced, not_sent, not_sent"
    );
    let allowed = status(&[&one, &other, "--istiod", &istiod, "--allow-missing"]);
    assert_eq!(allowed.status, 0);
    let reason = format!("{REVIEWS} CDS LDS RDS EDS ECDS SDS: no dump");
    assert!(allowed.out.contains(&reason), "{}", allowed.out);
    let ran = status(&[&one]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("nothing can be told"), "{}", ran.err);
    let ran = status(&[]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("give an INPUT"), "{}", ran.err);
}

#[test]
fn a_sync_state_that_cannot_be_read_is_said_and_the_dumps_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        format!("envoy/{PRODUCTPAGE}/config_dump.json"),
        format!("istiod/{PRODUCTPAGE}.config_dump.json"),
    ] {
        let file = folder.path().join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, recording(&format!("{AFTER}/{path}"))).unwrap();
    }
    fs::write(folder.path().join("istiod/syncz.json"), r#"{"proxy": 1}"#).unwrap();
    let ran = status(&[folder.path().to_str().unwrap(), "-o", "json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(ran.json()["summary"]["synced"], json!(1));
    assert!(ran.err.contains("sync state is not heard"), "{}", ran.err);
}
