from tests.histories import history, over, sent

LINES = [
    "q                            attempted send to q",
    "q                            acknowledged send to q",
    "f1                           outage on svc->place began",
    "far svc->rabbitmq            delivered from q (tag 1:1, receive 2, marked as redelivered)",
    "near svc->place              request POST /x",
    "svc->place                   request POST, of which only the head arrived",
    "near svc->place              answer 503 to request 1 on connection 1",
    "near svc->rabbitmq           settled: visibility after 5 s (tag 1:1)",
    "far svc->rabbitmq            the broker took the settlement (tag 1:1)",
    "far svc->rabbitmq            the broker did not take the settlement (tag 1:1)",
    "svc                          exited 1",
    "harness                      drained quiet",
    "harness                      closing",
    "q                            found in q by the final scan",
]


def test_a_story_is_one_line_an_event_with_the_faults_between(tmp_path):
    run = history(
        tmp_path,
        sent("a", "b"),
        "1 fault f1 outage svc->place began",
        "2 far delivered q a 1:1 redelivered=true count=2",
        "3 near requested a 1 wire=POST path=/x",
        "3 resource requested a 1 wire=POST ok=false",
        "3.5 near answered a 1 503",
        "3.6 near settled q a 1:1 visibility delay=5",
        "3.7 far confirmed q a 1:1 true",
        "3.8 far confirmed q a 1:1 false",
        "3.9 exited svc 1",
        over("q a"),
    )

    assert [line[21:] for line in run.story("a").splitlines()] == LINES


def test_a_message_nobody_saw_has_no_story(tmp_path):
    assert history(tmp_path, sent("a")).story("b") == ""
